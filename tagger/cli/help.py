"""`tagger help`: the help of a command, as with `--help`."""

from __future__ import annotations

import difflib

import click

from tagger.cli.groups import names_below, one_below
from tagger.core.errors import ExitCode


def _names(context: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """The commands, or the subcommands of those that were typed, that begin so, for a shell's completion."""
    about = context.find_root()
    for word in context.params.get("words") or ():
        inner = one_below(about, word)
        if inner is None:
            return []
        about = inner
    return [name for name in names_below(about) if name.startswith(begun)]


@click.command("help", epilog="\b\nExamples:\n  tagger help\n  tagger help search\n  tagger help taught on")
@click.argument("words", metavar="[COMMAND]...", nargs=-1, shell_complete=_names)
@click.pass_context
def command(context: click.Context, words: tuple[str, ...]) -> int:
    """The help of COMMAND, which may have a subcommand; without one, all commands."""
    about = context.find_root()
    for word in words:
        inner = one_below(about, word)
        if inner is None:
            known = names_below(about)
            near = difflib.get_close_matches(word, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            what = (
                f"There is no command {about.command_path} {word}."
                if known
                else f"{about.command_path} has no subcommands."
            )
            raise click.UsageError(what + hint, about)
        about = inner
    print(about.get_help())
    return ExitCode.DONE
