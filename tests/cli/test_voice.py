"""Where what is said goes, how loud it is, and in which colours."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import pytest

from tagger.cli import voice
from tests.cli.gallery import PHOTOS
from tests.cli.runner import COMMAND, Tagger
from tests.cli.test_help import ALL, commands

ESCAPE = "\x1b["


@pytest.fixture(autouse=True)
def unheard() -> Iterator[None]:
    voice.reset()
    yield
    voice.reset()


def test_every_command_can_be_quiet_verbose_and_without_colours() -> None:
    lacking = {
        context.command_path: missing
        for context in commands()
        if (missing := {"--quiet", "-q", "--verbose", "-v", "--no-color"} - options_of(context.command))
    }
    assert lacking == {}


def options_of(command: click.Command) -> set[str]:
    return {name for param in command.params for name in param.opts}


def test_no_two_options_of_a_command_have_one_name() -> None:
    for context in commands():
        names = [name for param in context.command.params if isinstance(param, click.Option) for name in param.opts]
        assert len(names) == len(set(names)), context.command_path


@pytest.mark.parametrize("where", ["before", "behind"])
def test_quiet_leaves_results_and_faults(gallery: Tagger, where: str) -> None:
    def run(*words: object, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        return gallery(*(("-q", *words) if where == "before" else (*words, "-q")), code=code)

    found = run("search", "cat")
    assert "/cat.jpg\n" in found.stdout
    assert found.stderr == ""
    assert run("status").stdout.startswith("Library ")
    assert (run("search", "tiger", code=1).stderr, run("history", gallery.home / "photos" / "cat.jpg").stderr) == (
        "",
        "",
    )
    # Of what they did, commands that do something say nothing; of what went wrong they do.
    (gallery.home / "photos" / "more.jpg").write_bytes((PHOTOS / "coffee.jpg").read_bytes()[:100])
    done = run("backfill", code=1)
    assert (done.stdout, done.stderr) == ("", "")
    done = run("retry")
    assert (done.stdout, done.stderr) == ("", "")
    assert "is not in the library" in run("show", "/nowhere.jpg", code=2).stderr


def test_verbose_tells_of_settings_library_and_time(gallery_once: Tagger) -> None:
    done = gallery_once("-v", "search", "cat")
    assert done.stdout == gallery_once("search", "cat").stdout
    assert f"library in {gallery_once.data}" in done.stderr
    assert "config.toml, which does not exist" in done.stderr
    assert "exit code 0" in done.stderr
    # The later one wins.
    assert gallery_once("search", "cat", "-v", "-q").stderr == ""
    told = gallery_once.environment()
    failed = subprocess.run(
        [COMMAND, "show", "-v", "/nowhere.jpg"], check=False, capture_output=True, text=True, env=told
    )
    assert failed.returncode == 2
    assert "Traceback" in failed.stderr
    assert "UnknownPhotoError" in failed.stderr


def test_what_is_done_on_the_way_goes_to_standard_error(gallery: Tagger) -> None:
    done = gallery("backfill", code=None)
    assert "Looked through" in done.stderr
    assert "Looked through" not in done.stdout


def test_the_version_in_short() -> None:
    shown = [
        subprocess.run([COMMAND, option], check=True, capture_output=True).stdout for option in ("-V", "--version")
    ]
    assert shown[0] == shown[1]
    assert shown[0].startswith(b"tagger")


@pytest.mark.parametrize("words", [[], ["search"], ["taught", "on"], ["train", "words"], ["model"]])
def test_help_of_a_command_by_its_name(bare: Tagger, words: list[str]) -> None:
    told = bare("help", *words).stdout
    assert told == ALL[" ".join(["tagger", *words])] + "\n"
    assert told == bare(*words, "--help").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["serach"], "There is no command tagger serach. Did you mean search?"),
        (["taught", "onn"], "There is no command tagger taught onn. Did you mean on?"),
        (["search", "more"], "Error: tagger search has no subcommands."),
    ],
)
def test_help_of_what_is_no_command(bare: Tagger, words: list[str], said: str) -> None:
    assert said in bare("help", *words, code=2).stderr


# --- colours ------------------------------------------------------------------------------------------------


@contextmanager
def terminal() -> Iterator[tuple[int, Callable[[], str]]]:
    """A terminal, and what was written to it."""
    master, slave = pty.openpty()
    try:

        def written() -> str:
            os.set_blocking(master, False)
            found = b""
            try:
                while part := os.read(master, 65536):
                    found += part
            except (BlockingIOError, OSError):
                return found.decode()
            return found.decode()

        yield slave, written
    finally:
        os.close(master)
        os.close(slave)


def on_a_terminal(tagger: Tagger, *words: str, environ: dict[str, str]) -> str:
    with terminal() as (slave, written):
        environment = tagger.environment({"TERM": "xterm", **environ})
        for name in ("NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
            if name not in environ:
                environment.pop(name, None)
        subprocess.run(
            [COMMAND, *words], check=False, stdin=slave, stdout=slave, stderr=slave, env=environment, timeout=60
        )
        return written()


@pytest.mark.parametrize(
    ("environ", "options", "colours"),
    [
        ({}, [], True),
        ({"NO_COLOR": "1"}, [], False),
        ({"NO_COLOR": ""}, [], True),
        ({"TERM": "dumb"}, [], False),
        ({"CLICOLOR": "0"}, [], False),
        ({"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, [], False),
        ({}, ["--no-color"], False),
    ],
)
def test_colours_on_a_terminal(
    gallery_once: Tagger, environ: dict[str, str], options: list[str], colours: bool
) -> None:
    told = on_a_terminal(gallery_once, "search", "cat", *options, environ=environ)
    assert "cat.jpg" in told
    assert (ESCAPE in told) is colours


def test_no_colours_in_a_pipe_unless_they_are_forced(gallery: Tagger) -> None:
    gallery("search", "--save", "Cats", "cat")
    assert ESCAPE not in gallery("saved").stdout
    assert ESCAPE in gallery("saved", environ={"CLICOLOR_FORCE": "1"}).stdout
    assert ESCAPE not in gallery("saved", environ={"CLICOLOR_FORCE": "0"}).stdout
    assert ESCAPE not in gallery("saved", "--no-color", environ={"CLICOLOR_FORCE": "1"}).stdout


@pytest.mark.slow
@pytest.mark.parametrize("environ", [{"TERM": "dumb"}, {"NO_COLOR": "1"}], ids=str)
def test_a_bar_is_not_drawn_where_it_cannot_be(gallery: Tagger, environ: dict[str, str]) -> None:
    (gallery.home / "photos" / "more.jpg").write_bytes((PHOTOS / "rocket.jpg").read_bytes())
    told = on_a_terminal(gallery, "backfill", environ=environ)
    assert "labelled" in told
    if "TERM" in environ:
        assert ESCAPE not in told
    # Colours are what 30 to 49 and 90 and more say; to draw a line anew is something else.
    import re

    assert not re.search(r"\x1b\[(\d+;)*(3|4|9|10)\d[;m]", told)
