"""`tagger token`: what programs send to the page's API instead of its password."""

from __future__ import annotations

import click

from tagger.cli import voice
from tagger.cli.common import settings_of, write_json
from tagger.cli.consent import must_agree, yes_option
from tagger.cli.groups import WholeHelp, token_names
from tagger.core.errors import ExitCode


@click.group(
    "token",
    cls=WholeHelp,
    invoke_without_command=True,
    epilog="""\b
Examples:
  tagger token create 'picture frame' --read
                                    one that may only read
  tagger token create backup        one that may do what the page does
  tagger token list                 scopes, and when each was used last
  tagger token remove backup        whoever sends it is refused at once
A program sends it as: Authorization: Bearer TOKEN""",
)
@click.pass_context
def command(context: click.Context) -> int:
    """Tokens with which programs ask the API, each with a name, a scope and an end of its own."""
    code: int = context.invoke(list_tokens) if context.invoked_subcommand is None else ExitCode.DONE
    return code


@command.command(
    "create", epilog="\b\nExamples:\n  tagger token create 'picture frame' --read\n  tagger token create backup"
)
@click.argument("name")
@click.option("--read", "read_only", is_flag=True, help="It may look at everything, and change nothing.")
@click.pass_context
def create(context: click.Context, name: str, read_only: bool) -> int:
    """Make a token and print it, this once: only its hash is kept."""
    from tagger.store.library import open_library
    from tagger.store.tokens import create_token

    with open_library(settings_of(context)) as library, library.store.write(durable=True) as session:
        token, secret = create_token(session, name, library.clock.now(), read_only=read_only)
    print(secret)
    may = "may only read" if token.read_only else "may do all that the page does"
    voice.note(f"{token.name!r} {may}. Keep it now: it is not shown again. A program sends it as")
    voice.note("  Authorization: Bearer TOKEN")
    return ExitCode.DONE


@command.command("list", epilog="\b\nExamples:\n  tagger token list\n  tagger token list --json")
@click.option("--json", "as_json", is_flag=True, help="As one JSON list.")
@click.pass_context
def list_tokens(context: click.Context, as_json: bool) -> int:
    """List them: name, scope, and the day on which each was used last (UTC)."""
    from tagger.store.session import open_store
    from tagger.store.tokens import all_tokens

    with open_store(settings_of(context)) as store, store.read() as session:
        found = all_tokens(session)
    if as_json:
        write_json(
            [
                {
                    "name": one.name,
                    "scope": "read" if one.read_only else "all",
                    "created_at": one.created_at,
                    "used_on": one.used_on,
                }
                for one in found
            ]
        )
        return ExitCode.DONE
    width = min(40, max((len(one.name) for one in found), default=0))
    for one in found:
        used = f"used on {one.used_on}" if one.used_on else "never used"
        print(f"{one.name:{width}}  {'read' if one.read_only else 'all '}  {used}")
    if not found:
        voice.note("There are no tokens. Make one: tagger token create NAME --read")
    return ExitCode.DONE


@command.command("remove", epilog="\b\nExample:\n  tagger token remove backup --yes")
@click.argument("name", shell_complete=token_names)
@yes_option
@click.pass_context
def remove(context: click.Context, name: str, yes: bool) -> int:
    """Remove the token NAME: whoever sends it is refused at once."""
    from tagger.store.library import open_library
    from tagger.store.tokens import find_token, remove_token

    with open_library(settings_of(context)) as library:
        with library.store.read() as session:
            token = find_token(session, name)
        used = f"was used on {token.used_on} last" if token.used_on else "was never used"
        must_agree(f"Remove the token {token.name!r}, which {used}?", yes=yes)
        with library.store.write(durable=True) as session:
            remove_token(session, token.id)
    voice.done(f"{token.name!r} is removed.")
    return ExitCode.DONE
