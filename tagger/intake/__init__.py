"""Finding photos: which files are photos, and what changed since the last scan."""
