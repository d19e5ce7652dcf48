"""The terminal's encoding: it says how text is typed and shown, and nothing about the names of files.

A file's name is bytes. Python makes them text by the locale's encoding, so that one name would be another in another
locale, and its photo twice in the library. So tagger, with its child processes, always runs in Python's UTF-8 mode.
"""

from __future__ import annotations

import locale
import os
import sys
from typing import Any

import click


def name_files_in_utf8() -> None:
    """Begin anew in Python's UTF-8 mode where the locale has another encoding; then no output can fail.

    What the terminal cannot show is escaped. Does not return if it begins anew.
    """
    if sys.getfilesystemencoding() != "utf-8" and sys.executable:
        shown_in = getattr(sys.stdout, "encoding", None) or locale.getencoding()
        # Child processes inherit both.
        os.environ["PYTHONUTF8"] = "1"
        os.environ["PYTHONIOENCODING"] = f"{shown_in}:backslashreplace"
        # -X for an interpreter that was told to ignore the environment.
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def shows_unicode(stream: Any) -> bool:
    """Whether a text stream takes every character as UTF-8."""
    return str(getattr(stream, "encoding", "")).lower().replace("-", "").replace("_", "") == "utf8"


class _Typed(click.types.StringParamType):
    """Text as it was typed in the terminal's encoding. The bytes of a file's name stay as they are."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = super().convert(value, param, ctx)
        if text.isascii() or os.path.lexists(text):
            return text
        typed = os.fsencode(text)
        for encoding in ("utf-8", locale.getencoding()):
            try:
                return typed.decode(encoding)
            except (UnicodeDecodeError, LookupError):
                continue
        return self.fail(
            f"{ascii(typed)[2:-1]} is no text in {locale.getencoding()}, this terminal's encoding.", param, ctx
        )


def read_as_typed(command: click.Command) -> None:
    """Have the texts of a command's arguments and options read as they were typed."""
    for param in command.params:
        if param.type is click.STRING:
            param.type = _Typed()
