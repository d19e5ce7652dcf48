"""Training a network: from a folder of pictures to a model of one's own."""
