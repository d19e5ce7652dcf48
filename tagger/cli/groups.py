"""What commands with subcommands share: help that is not cut off, and names that a shell completes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from tagger.core.languages import ENGLISH

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tagger.core.config import Settings
    from tagger.store.reader import Reader


class WholeHelp(click.Group):
    """A group whose help tells the whole first sentence of each of its commands."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands; click itself cuts their lines off."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, _first_sentence(inner)) for name, inner in commands if inner is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def names_below(context: click.Context) -> list[str]:
    """The names of the subcommands of a context's command; none of them is imported for that."""
    command = context.command
    if isinstance(command, click.Group):
        return command.list_commands(context)
    return list(command.names) if isinstance(command, WithSubcommands) else []


def one_below(context: click.Context, name: str) -> click.Context | None:
    """The subcommand of that name, of a context's command; None if it has none."""
    command = context.command
    if isinstance(command, click.Group):
        inner = command.get_command(context, name)
        return None if inner is None else click.Context(inner, info_name=name, parent=context)
    if isinstance(command, WithSubcommands) and name in command.names:
        # Its own arguments do not stand before the subcommand.
        inner = command.subcommand(name)
        return click.Context(inner, info_name=f"{context.info_name} {name}", parent=context.parent)
    return None


def below(context: click.Context) -> dict[str, click.Context]:
    """The subcommands of a context's command by their names, all of them imported."""
    found = {name: one_below(context, name) for name in names_below(context)}
    return {name: inner for name, inner in found.items() if inner is not None}


def all_below(context: click.Context) -> Iterator[click.Context]:
    """The context and those of all subcommands, and of theirs."""
    yield context
    for inner in below(context).values():
        yield from all_below(inner)


class WithSubcommands(click.Command):
    """A command that takes arguments, some of which are the `names` of subcommands."""

    names: tuple[str, ...] = ()

    def subcommand(self, name: str) -> click.Command:
        """The subcommand of one of the names."""
        raise NotImplementedError


def _first_sentence(command: click.Command) -> str:
    text = " ".join((command.help or "").split("\n\n")[0].split())
    return text.partition(". ")[0].rstrip(".") + "." if text else ""


def model_names(context: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """The models whose names begin so, for a shell's completion."""
    from tagger.inference.lookup import trained_names
    from tagger.inference.registry import REGISTRY

    settings = _settings(context)
    trained = [] if settings is None else trained_names(settings.data_dir)
    return [name for name in [*REGISTRY, *trained] if name.startswith(begun)]


def label_names(context: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """The labels of the library whose names in the owner's language begin so, for a shell's completion."""
    from tagger.labels.languages import language
    from tagger.store.label_scores import known_labels

    def names(reader: Reader) -> list[str]:
        settings = _settings(context)
        spoken = language(context.params.get("lang") or (settings.labels.language if settings else ENGLISH))
        return sorted({spoken.name_of(key, name) for _, key, name in known_labels(reader)})

    return _beginning(context, begun, names)


def query_words(context: click.Context, param: click.Parameter, begun: str) -> list[str]:
    """The labels and the fields of a query that begin so, for a shell's completion."""
    from tagger.search.query import FIELDS

    minus, word = ("-", begun[1:]) if begun.startswith("-") else ("", begun)
    fields = [f"{field}:" for field in FIELDS if field.startswith(word)] if word else []
    return [minus + name for name in [*label_names(context, param, word), *fields]]


def folders(_context: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem[str]]:
    """Folders, which the shell itself completes."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(begun, type="dir")]


def taught_names(context: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """The taught labels whose names begin so, for a shell's completion."""
    from tagger.store.label_scores import taught_label_names

    return _beginning(context, begun, taught_label_names)


def saved_names(context: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """The saved searches whose names begin so, for a shell's completion."""
    from tagger.store.saved_searches import saved_searches

    return _beginning(context, begun, lambda reader: [search.name for search in saved_searches(reader)])


def token_names(context: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """The tokens whose names begin so, for a shell's completion."""
    from tagger.store.tokens import token_names as names

    return _beginning(context, begun, names)


def _beginning(context: click.Context, begun: str, names: Callable[[Reader], list[str]]) -> list[str]:
    from tagger.core.errors import TaggerError
    from tagger.core.names import folded
    from tagger.store.reader import open_reader

    settings = _settings(context)
    if settings is None:
        return []
    try:
        with open_reader(settings) as reader:
            return [name for name in names(reader) if folded(name).startswith(folded(begun))]
    except (TaggerError, OSError):
        return []


def _settings(context: click.Context) -> Settings | None:
    """The settings; None where they make no sense, of which a completion cannot speak."""
    from tagger.core.config_sources import load_settings
    from tagger.core.errors import TaggerError

    # A shell asks without running `tagger` itself, whose options stand in the outermost context.
    given = context.find_root().params
    try:
        return load_settings(given.get("config"), {"data_dir": given.get("data_dir")})
    except TaggerError:
        return None
