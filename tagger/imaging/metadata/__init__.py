"""Reading what the headers of photos and their sidecars hold; nothing here writes."""
