"""The words that everything speaks: settings, errors, the clock, photos, paths, formats."""
