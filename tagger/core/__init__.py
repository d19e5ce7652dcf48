"""What every room may use: settings, errors, the clock, photos, paths, formats."""
