"""The question before what cannot be undone."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tagger.core.errors import TaggerError, UsageError
from tagger.core.paths import shown_path

yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


def must_agree(question: str, *, yes: bool) -> None:
    """Go on only if a person agrees, or did so with --yes. Raises TaggerError otherwise.

    The answer is read from standard input, whatever that is: `yes | tagger ...` is one.
    """
    if yes:
        return
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        # Behind the question.
        click.echo(err=True)
        raise UsageError("Nobody is there to be asked, and this cannot be undone.", "Agree to it with --yes.") from None
    if not agreed:
        raise TaggerError("Nothing was changed.")


def must_agree_to_replace(path: Path, *, yes: bool) -> None:
    """The same before a file that is there is written anew."""
    if path.exists():
        must_agree(f"Replace {shown_path(str(path))}?", yes=yes)
