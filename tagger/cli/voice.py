"""How loud and how colourful the commands are.

What was asked for, and in a line what was done, goes to standard output; everything else to standard error. `--quiet`
leaves out all but what was asked for and faults: that it was done, the exit code tells.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from typing import IO, Any

import click


@dataclass(frozen=True, slots=True)
class _Wanted:
    quiet: bool = False
    verbose: bool = False
    no_color: bool = False


_wanted = _Wanted()


def reset() -> None:
    """Forget what an earlier command of this process wanted."""
    global _wanted
    _wanted = _Wanted()


def _want(_context: click.Context, option: click.Parameter, given: bool) -> None:
    global _wanted
    if given and option.name is not None:
        # The later of --quiet and --verbose wins.
        loudness = {"quiet": False, "verbose": False} if option.name in ("quiet", "verbose") else {}
        _wanted = replace(_wanted, **{**loudness, option.name: True})


_OPTIONS = (
    (("-q", "--quiet"), "Only results and faults; no progress, no messages."),
    (("-v", "--verbose"), "Tell more: settings, library, time; of a fault, where in the program it was."),
    (("--no-color",), "No colours; so does the variable NO_COLOR."),
)


def add_options(command: click.Command) -> None:
    """Give a command the options -q, -v and --no-color."""
    names = {name for param in command.params for name in param.opts}
    for given, help_text in _OPTIONS:
        if names.isdisjoint(given):
            option = click.Option(given, is_flag=True, expose_value=False, callback=_want, help=help_text)
            # Before others, whose callbacks may speak.
            option.is_eager = True
            command.params.append(option)


def quiet() -> bool:
    """Whether only results and faults are wanted."""
    return _wanted.quiet


def verbose() -> bool:
    """Whether more is wanted."""
    return _wanted.verbose


def done(text: str = "", *, flush: bool = False) -> None:
    """Say on standard output what a command did, unless it shall be quiet."""
    if not _wanted.quiet:
        print(text, flush=flush)


def note(text: str, *, end: str = "\n") -> None:
    """Say something on standard error, unless the command shall be quiet."""
    if not _wanted.quiet:
        _write(text, end)


def detail(text: str) -> None:
    """Say something on standard error that only --verbose asks for."""
    if _wanted.verbose:
        _write(f"tagger: {text}", "\n")


def fault(text: str) -> None:
    """Say on standard error what went wrong, however quiet the command shall be."""
    _write(f"tagger: {text}", "\n")


def _write(text: str, end: str) -> None:
    # What was printed before stands before it, where both go to one file.
    sys.stdout.flush()
    print(text, end=end, file=sys.stderr, flush=True)


def colorful(stream: IO[Any]) -> bool:
    """Whether a stream shall get colours.

    --no-color and NO_COLOR (https://no-color.org) win over CLICOLOR_FORCE (https://bixense.com/clicolors), and that
    over what the stream is: a terminal other than a dumb one gets them.
    """
    if _wanted.no_color or os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return is_live(stream) and os.environ.get("CLICOLOR", "1") != "0"


def is_live(stream: IO[Any]) -> bool:
    """Whether a stream is a terminal on which a line can be written anew."""
    return stream.isatty() and os.environ.get("TERM", "") != "dumb"


def dim(text: str) -> str:
    """Text for standard output that stands back, where colours are wanted."""
    return click.style(text, dim=True) if colorful(sys.stdout) else text


def console() -> Any:
    """rich's console on standard error, for bars."""
    from rich.console import Console

    return Console(stderr=True, no_color=not colorful(sys.stderr), highlight=False)
