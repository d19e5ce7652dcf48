"""The errors that tagger reports to a person, with the exit code of each.

A `TaggerError` is raised where the fault is found. Its message says what happened, and its cure what the person can
do about it. Only `tagger.cli.main` turns it into text and an exit code.

    TaggerError                     1   the base; also raised as it is, where nothing narrower fits
    ├── UsageError                  2   the command's arguments
    │   ├── UnknownPhotoError       2
    │   ├── ConfigError             2
    │   └── QueryError              2
    ├── MustLookError               1   a taught label that a person has to look at first
    ├── ModelError                  3   the model or its engine
    │   ├── UnknownModelError       2   its name makes no sense
    │   ├── ModelUnavailableError   3
    │   ├── WeightsError            3
    │   └── EngineError             3
    ├── AwayError                   1   the disk of a folder went away
    ├── StoreError                  4   the database
    │   └── NoLibraryError          4
    └── BusyError                   5   another tagger process is at work on this library

The web server has some more, which become HTTP answers: `ThumbnailError`, and under it `MissingError`, `TooSlowError`
and `LaterError`.
"""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path

from tagger.core.sentences import Sentence


class ExitCode(IntEnum):
    """The documented exit codes of the `tagger` command."""

    DONE = 0
    SOME_FAILED = 1  # some photos failed; `search`: nothing found, as with grep
    USAGE = 2
    MODEL = 3
    DATABASE = 4
    BUSY = 5
    INTERRUPTED = 130  # 128 + SIGINT, as in shells


class TaggerError(Exception):
    """A fault to report. `message` says what happened, `cure` what the person can do about it."""

    exit_code: ExitCode = ExitCode.SOME_FAILED

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.message}\n{self.cure}" if self.cure else self.message


class UsageError(TaggerError):
    """The command's arguments are invalid."""

    exit_code = ExitCode.USAGE


class UnknownPhotoError(UsageError):
    """A named photo is not in the library. `path`: as shown to people, or "Photo 12"."""

    def __init__(self, path: str) -> None:
        super().__init__(
            Sentence("{path} is not in the library.", path=path),
            Sentence("tagger status lists its folders; tagger backfill looks for new photos."),
        )


class ConfigError(UsageError):
    """A setting is unknown, of the wrong type or out of range."""


class QueryError(UsageError):
    """A search query is invalid."""


class MustLookError(TaggerError):
    """A taught label would spread too far to be switched on before a person has looked at some of its photos."""

    def __init__(self, name: str, why: str, cure: str) -> None:
        super().__init__(f"{name} was not switched on: {why}.", cure)


class ModelError(TaggerError):
    """The model cannot be used: unknown, no weights, damaged or of another architecture."""

    exit_code = ExitCode.MODEL


class UnknownModelError(ModelError):
    """No model has this name."""

    exit_code = ExitCode.USAGE


class ModelUnavailableError(ModelError):
    """The model's weights are not on this machine and could not be downloaded."""


class WeightsError(ModelError):
    """A weights file is damaged or belongs to another architecture."""


class EngineError(ModelError):
    """The child process that runs the model cannot be started, or crashes repeatedly whatever the photo."""


class AwayError(TaggerError):
    """The disk of a folder went away while its photos were looked at."""


class StoreError(TaggerError):
    """The database is missing, damaged, foreign, too new, locked or full."""

    exit_code = ExitCode.DATABASE


class NoLibraryError(StoreError):
    """There is no library yet, which some commands accept."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(f"There is no library in {data_dir} yet.", "Make one with: tagger backfill FOLDER")


class BusyError(TaggerError):
    """Another tagger process is at work on this library."""

    exit_code = ExitCode.BUSY
