"""tagger labels every photo of a library by what is in it and makes the library searchable."""

__version__ = "0.1.0"
