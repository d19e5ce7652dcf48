"""Writing labels as keywords into photos and sidecars, and taking them back: planning, metadata, safe replacement."""
