"""tagger labels every photo of a library by what is in it and makes the library searchable.

For other programs: `tagger.Library(...).search("tiger")`, `.labels(photo)`, and `tagger.classify(image)`. What is in
`__all__` is public and stays; docs/python.md tells of it. Each part is imported when it is first used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tagger.api import Classification, FoundPhoto, Library, classify, classify_all
    from tagger.core.config import Settings
    from tagger.core.errors import (
        ConfigError,
        ModelError,
        NoLibraryError,
        QueryError,
        StoreError,
        TaggerError,
        UnknownPhotoError,
        UsageError,
    )
    from tagger.core.photo import Label, Origin

__version__ = "0.1.0"
__all__ = [
    "Classification",
    "ConfigError",
    "FoundPhoto",
    "Label",
    "Library",
    "ModelError",
    "NoLibraryError",
    "Origin",
    "QueryError",
    "Settings",
    "StoreError",
    "TaggerError",
    "UnknownPhotoError",
    "UsageError",
    "__version__",
    "classify",
    "classify_all",
]
_IN = {
    "tagger.api": ("Classification", "FoundPhoto", "Library", "classify", "classify_all"),
    "tagger.core.config": ("Settings",),
    "tagger.core.photo": ("Label", "Origin"),
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = next((module for module, names in _IN.items() if name in names), "tagger.core.errors")
    return getattr(importlib.import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
