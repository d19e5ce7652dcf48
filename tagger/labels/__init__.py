"""From scores to labels: the ImageNet taxonomy and the label policy."""
