"""The service's threads: one for each kind of work."""
