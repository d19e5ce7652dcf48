"""Training: from a folder of pictures to a model with the owner's own classes."""
