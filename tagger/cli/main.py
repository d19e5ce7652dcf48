"""`tagger`: finds the command's file, runs it, and turns errors into sentences and exit codes.

A command's module is imported only when it is used, so that `tagger search` starts in a fraction of a second.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger import __version__
from tagger.cli import voice
from tagger.cli.groups import all_below
from tagger.cli.output import OUTPUT, ReaderGoneError, drop_unwritten, prepare_streams
from tagger.cli.terminal import name_files_in_utf8, read_as_typed
from tagger.core.errors import ExitCode, TaggerError
from tagger.core.full_disk import full_disk, is_full
from tagger.core.paths import shown_path

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Searching for pydantic plugins takes a tenth of a search's time, and no plugin may change settings.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
# NumPy multiplies small matrices only; its threads would wait for each other in a loop and take the cores from the
# network, a twentieth of all there is.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Purpose -> name -> (module, one line for `tagger --help`); in the order of a first use.
_GROUPS = {
    "Label photos": {
        "backfill": ("backfill", "Label every photo below some folders."),
        "run": ("run", "The service: watch folders, label what arrives."),
        "classify": ("classify", "What the model sees on photos, without a library."),
        "retry": ("retry", "Queue the failed photos again."),
    },
    "Find and look": {
        "search": ("search", "Find photos by what is in them."),
        "saved": ("saved", "The searches that you saved: list, rename, remove."),
        "similar": ("similar", "The photos that look most like one."),
        "duplicates": ("duplicates", "Groups of photos that are nearly the same."),
        "labels": ("labels", "Which labels the library contains, with counts."),
        "web": ("web", "The library as a web page with an API."),
        "token": ("token", "What programs send to the API: create, list, remove."),
        "export": ("export", "The whole library as CSV or JSON lines."),
    },
    "One photo": {
        "show": ("show", "Everything known about it."),
        "tags": ("tags", "Its labels, in the library or not, for scripts."),
        "explain": ("explain", "Why it got its labels."),
        "correct": ("correct", "Say which of its labels are wrong, right or missing."),
        "history": ("history", "What tagger wrote into it, and when."),
    },
    "Labels and models": {
        "teach": ("teach", "Teach a label of your own, by photos that show it."),
        "taught": ("taught", "The labels that you taught: on, off, and more."),
        "train": ("train", "Train a network on classes of your own."),
        "model": ("model", "Which network labels: list, show, fetch, use."),
        "relabel": ("relabel", "Apply changed rules, opening no photo."),
    },
    "Keywords for other programs": {
        "write": ("write", "Write labels as keywords into photos or sidecars."),
        "undo": ("undo", "Take back keywords that tagger wrote, exactly."),
    },
    "Upkeep": {
        "status": ("status", "What is there, what is queued, what failed and why."),
        "health": ("health", "Whether the service is well, by its exit code."),
        "config": ("config", "The settings as they are, and where each comes from."),
        "doctor": ("doctor", "Check machine and library; each finding with its cure."),
        "accept-missing": ("accept_missing", "Confirm that very many photos are really gone."),
        "forget": ("forget", "Remove a folder from the library; its files stay."),
        "migrate-library": ("migrate_library", "Copy the library into another database, and compare."),
        "completion": ("completion", "The script that lets a shell complete it."),
        "help": ("help", "The help of a command, as with --help."),
    },
}
# The variable in which a shell asks for completions, as Click forms it from the command's name.
_COMPLETE = "_TAGGER_COMPLETE"
_COMMANDS = {name: about for group in _GROUPS.values() for name, about in group.items()}

_EPILOG = """\b
Examples:
  tagger backfill ~/Photos          label an archive
  tagger search tiger               find photos
  tagger search 'dog -taken:2019'   ... with the query language
  tagger status                     what is going on

\b
Exit codes:
  0 done              3 model unavailable
  1 some failed, or   4 database or data directory
    nothing found     5 another tagger is at work
  2 usage or config   130 interrupted"""


# 128 + SIGPIPE, as programs end whose reader has gone (`| head -1`).
_READER_GONE = 141


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = _imported(f"tagger.cli.{_COMMANDS[cmd_name][0]}").command
        for one in all_below(click.Context(command, info_name=cmd_name)):
            read_as_typed(one.command)
            voice.add_options(one.command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            import difflib

            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        # Click would import every command's module for a look at whether it is hidden.
        found = [
            CompletionItem(name, help=text) for name, (_, text) in _COMMANDS.items() if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, _COMMANDS))
        for purpose, commands in _GROUPS.items():
            with formatter.section(purpose):
                formatter.write_dl([(name.ljust(widest), text) for name, (_, text) in commands.items()])


def _imported(name: str) -> Any:
    """A command's module. What is imported stays: looking through it for garbage would take a fifth of a search."""
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()


@click.group(cls=_Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), help="The config file (see config.example.toml).")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Where the library's own files are kept.")
@click.version_option(__version__, "-V", "--version", prog_name="tagger")
@click.pass_context
def cli(context: click.Context, config: Path | None, data_dir: Path | None) -> None:
    """Label every photo of a library by what is in it, and find photos by those labels."""
    if context.invoked_subcommand == "help":
        # It asks for no settings, which take longer to import than the help to print.
        return
    from tagger.core.config_sources import unknown_variables
    from tagger.core.local_zone import read_time_zone

    for fault in (unknown_variables(), read_time_zone()):
        if fault:
            voice.note(f"tagger: {fault}")
    context.obj |= {"config": config, "flags": {"data_dir": None if data_dir is None else str(data_dir)}}


voice.add_options(cli)


def main() -> None:
    """Entry point of the `tagger` command."""
    started = time.monotonic()
    voice.reset()
    prepare_streams()
    name_files_in_utf8()
    if _COMPLETE in os.environ:
        from tagger.cli.shells import answer_shells

        answer_shells()
    about: dict[str, Any] = {}
    try:
        code = cli.main(standalone_mode=False, obj=about)
        sys.stdout.flush()
    except TaggerError as error:
        _tell_where(error)
        _say(str(error))
        code = error.exit_code
    except ReaderGoneError:
        code = _READER_GONE
    except OSError as error:
        _tell_where(error)
        _say(_fault_of_a_file(error, about.get("data_dir")))
        code = ExitCode.DATABASE
    except click.ClickException as error:
        error.show()
        code = ExitCode.USAGE
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted")
        code = ExitCode.INTERRUPTED
    drop_unwritten()
    with contextlib.suppress(OSError):
        voice.detail(f"{time.monotonic() - started:.2f} s, exit code {_exit_code(code)}")
    sys.exit(_exit_code(code))


def _fault_of_a_file(error: OSError, data_dir: Path | None) -> str:
    """A sentence about a file that could not be read or written, and about the data directory if it is in there."""
    from tagger.core.os_words import why

    text = why(error) if error.errno is not None else str(error)
    if error.filename == OUTPUT:
        return "Standard output cannot be written to: " + (
            "the disk that it goes to is full." if is_full(error) else text
        )
    if is_full(error):
        return str(full_disk(error.filename or data_dir or tempfile.gettempdir(), "a file"))
    if not isinstance(error.filename, str):
        return text
    shown = shown_path(error.filename)
    if data_dir is None or not Path(error.filename).absolute().is_relative_to(data_dir):
        return f"{shown}: {text}"
    return (
        f"In the data directory {shown_path(str(data_dir))}, {shown} cannot be used: {text}.\n"
        "Correct its permissions, or name another with --data-dir, TAGGER_DATA_DIR or data_dir in the config file."
    )


def _tell_where(error: Exception) -> None:
    if voice.verbose():
        import traceback

        with contextlib.suppress(OSError):
            traceback.print_exception(error)


def _exit_code(result: Any) -> int:
    return int(result) if isinstance(result, int) else int(ExitCode.DONE)


def _say(text: str) -> None:
    # A log on a full disk: the exit code still tells.
    with contextlib.suppress(OSError):
        print(f"tagger: {text}", file=sys.stderr, flush=True)
