"""Labelling on several machines at once, by Ray. No other room imports Ray."""
