"""From a photo file to features and scores; everything that touches pixels."""
