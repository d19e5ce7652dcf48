"""Teaching labels of the owner's own on stored features: examples, training, evaluation, the labels themselves."""
