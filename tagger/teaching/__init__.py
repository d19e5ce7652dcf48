"""Teaching the owner's own labels on stored features: examples, training, evaluation, giving them to photos."""
