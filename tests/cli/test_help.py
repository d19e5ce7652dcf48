"""Help of every command, names that are nearly right, and the exit codes that README promises."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tagger.cli.groups import all_below
from tagger.cli.main import cli
from tests.cli.gallery import PHOTOS
from tests.cli.runner import BUILT_IN, COMMAND, Tagger


def commands() -> Iterator[click.Context]:
    """Every command and subcommand."""
    return all_below(click.Context(cli, info_name="tagger", **cli.context_settings))


ALL = {context.command_path: context.get_help() for context in commands()}


@pytest.fixture
def tagger(tmp_path: Path) -> Tagger:
    return Tagger(tmp_path / "home", BUILT_IN)


@pytest.mark.parametrize("name", ALL)
def test_help_fits_80_columns_has_examples_and_is_not_cut_off(name: str) -> None:
    lines = ALL[name].splitlines()
    assert [line for line in lines if len(line) > 80] == []
    [at] = [number for number, line in enumerate(lines) if line.strip() in ("Example:", "Examples:")]
    assert "tagger" in lines[at + 1]
    # click ends what it cuts off with three dots; a metavar of several values ends so as well.
    described = [line for line in lines[1:] if line.endswith("...") and "]..." not in line and "[" not in line]
    assert described == []


def test_every_command_is_grouped_by_purpose_and_stands_in_readme() -> None:
    top = ALL["tagger"]
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert len(re.findall(r"^\w[^:\n]*:$", top, re.MULTILINE)) >= 6
    for name in {path.split()[1] for path in ALL if " " in path}:
        assert len(re.findall(rf"^  {name}\s", top, re.MULTILINE)) == 1
        assert f"`tagger {name}" in readme


@pytest.mark.parametrize(
    ("arguments", "commands"),
    [
        ("--help", set()),
        ("-h", set()),
        ("--version", set()),
        ("help", {"help"}),
        ("help srch", {"help"}),
        ("help search", {"help", "search"}),
        ("help accept-missing", {"help", "accept_missing"}),
        ("help taught on", {"help", "taught"}),
        ("help search on", {"help", "search"}),
        ("model use --help", {"model"}),
    ],
)
def test_help_imports_only_the_command_that_it_tells_of(arguments: str, commands: set[str]) -> None:
    code = (
        "import sys; from tagger.cli import main\n"
        "try: main.main()\n"
        "except SystemExit: pass\n"
        "files = {file for file, _ in main._COMMANDS.values()}\n"
        "print(*sorted(file for file in files if 'tagger.cli.' + file in sys.modules), *sorted({'pydantic', 'numpy'} & "
        "set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments.split()], capture_output=True, text=True, check=True)
    imported = set(done.stderr.splitlines()[-1].split())
    assert imported - {"pydantic", "numpy"} == commands
    if commands <= {"help"}:
        assert imported == commands


def test_python_m_tagger_is_tagger(tagger: Tagger) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tagger", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env=tagger.environment(),
    )
    assert done.stdout == tagger("--version").stdout
    assert COMMAND.name in done.stdout


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (["serach", "tiger"], "search"),
        (["Backfill"], "backfill"),
        (["modle", "list"], "model"),
        (["model", "lst"], "list"),
        (["taught", "onn", "x"], "on"),
        (["model", "use", "resnet51"], "resnet50"),
        (["model", "fetch", "vgg17"], "vgg16"),
    ],
)
@pytest.mark.slow
def test_what_is_nearly_right_is_suggested(tagger: Tagger, arguments: list[str], near: str) -> None:
    assert re.search(rf"Did you mean '?{near}'?\?", tagger(*arguments, code=2).stderr)


@pytest.mark.slow
def test_exit_codes_are_those_of_readme(tagger: Tagger, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes((PHOTOS / "cat.jpg").read_bytes())
    cat = tmp_path / "photos" / "cat.jpg"
    # 4: no library yet, for whatever needs one.
    needs_one: list[list[str]] = [
        ["search", "cat"], ["status"], ["show", str(cat)], ["similar", str(cat)], ["duplicates"], ["labels"],
        ["export"], ["relabel"], ["retry"], ["history", str(cat)], ["taught"], ["model", "preview", "vgg16"],
    ]  # fmt: skip
    for arguments in needs_one:
        assert "no library" in tagger(*arguments, code=4).stderr, arguments
    # 2: what makes no sense, whichever command says it.
    senseless: list[list[str]] = [
        [], ["nonsense"], ["search"], ["status", "--nonsense"], ["backfill", str(tmp_path / "nowhere")],
        ["classify", str(tmp_path / "nowhere.jpg")], ["model", "use", "resnet51"], ["model", "show", "resnet51"],
        ["model", "fetch", "resnet51"], ["model", "preview", "resnet51"], ["model", "export", "resnet51"],
        ["classify", "--model", "resnet51", str(cat)], ["backfill", "--model", "resnet51", str(tmp_path / "photos")],
        ["--config", str(tmp_path / "none.toml"), "status"], ["similar", "--limit", "0", str(cat)],
    ]  # fmt: skip
    for arguments in senseless:
        tagger(*arguments, code=2)
    # 3: the weights are not there.
    tagger("model", "fetch", "vgg16", code=3, environ={"TAGGER_MODEL_FETCH": "never"})
    # 0, then 1 for a search without a hit and for photos that fail.
    tagger("backfill", tmp_path / "photos")
    tagger("search", "cat")
    tagger("search", "tiger", code=1)
    (tmp_path / "photos" / "broken.jpg").write_bytes(cat.read_bytes()[:200])
    tagger("backfill", code=1)
    tagger("search", "(", code=2)
    tagger("show", tmp_path / "other.jpg", code=2)
