"""Queued photos through the model, and photos looked at on demand. Read `label_queue` first."""
