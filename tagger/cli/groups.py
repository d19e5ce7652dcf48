"""What commands with subcommands share: help that is not cut off, and names that a shell completes."""

from __future__ import annotations

import click


class WholeHelp(click.Group):
    """A group whose help tells the whole first sentence of each of its commands."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands; click itself cuts their lines off."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, _first_sentence(inner)) for name, inner in commands if inner is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _first_sentence(command: click.Command) -> str:
    text = " ".join((command.help or "").split("\n\n")[0].split())
    return text.partition(". ")[0].rstrip(".") + "." if text else ""


def model_names(context: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """The models whose names begin so, for a shell's completion."""
    from tagger.core.config_sources import load_settings
    from tagger.core.errors import TaggerError
    from tagger.inference.lookup import trained_names
    from tagger.inference.registry import REGISTRY

    # A shell asks without running `tagger` itself, whose options stand in the outermost context.
    given = context.find_root().params
    try:
        trained = trained_names(load_settings(given.get("config"), {"data_dir": given.get("data_dir")}).data_dir)
    except TaggerError:
        trained = []
    return [name for name in [*REGISTRY, *trained] if name.startswith(begun)]
