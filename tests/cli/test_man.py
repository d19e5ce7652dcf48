"""The manual pages are those of the commands as they are, and man(1) shows them without a warning."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tagger.cli.build_man import FOLDER, pages
from tests.cli.test_help import ALL

TOP = Path(__file__).parents[2]


def needs(program: str, package: str) -> None:
    if shutil.which(program) is None:
        if os.environ.get("TAGGER_REQUIRE_SHARED"):
            pytest.fail(f"TAGGER_REQUIRE_SHARED is set, but {program} is not installed")
        pytest.skip(f"{program} is not installed (Debian: apt install {package})")


def shown(page: Path) -> str:
    """A page as man shows it, without what makes letters bold."""
    done = subprocess.run(
        ["man", "-l", "--warnings=w", page],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "MANWIDTH": "200", "LC_ALL": "C.UTF-8", "MANROFFOPT": "-c"},
    )
    assert done.stderr == ""
    return re.sub(".\b", "", done.stdout)


def test_pages_are_what_the_commands_say() -> None:
    """If not: python -m tagger.cli.build_man"""
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} == pages()


def test_every_command_has_a_page() -> None:
    assert {name.replace(" ", "-") + ".1" for name in ALL} == set(pages())


def test_they_travel_in_the_wheel() -> None:
    shared = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "shared-data"
    ]
    assert shared == {"deploy/man": "share/man"}
    assert TOP / "deploy/man/man1" == FOLDER


def test_no_page_has_a_warning() -> None:
    needs("groff", "groff-base")
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-z", *sorted(FOLDER.iterdir())],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""


def test_man_shows_them() -> None:
    needs("man", "man-db")
    top = shown(FOLDER / "tagger.1")
    for text in ("tagger search tiger", "accept-missing", "EXIT STATUS", "~/.config/tagger/config.toml", "NO_COLOR"):
        assert text in top
    search = shown(FOLDER / "tagger-search.1")
    for text in (
        "tagger search [OPTIONS] [QUERY]...",
        'like:"dog on a beach"',
        "--saved NAME",
        "'dog path:home/'",
        "QUERIES",
    ):
        assert text in search
