"""Every command that the documentation shows is run, or counted as one that cannot be; the settings are read."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
import tomllib
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
import pillow_heif
import pytest
from PIL import Image

from tagger.cli.groups import all_below
from tagger.cli.main import cli
from tagger.core.config import Settings
from tagger.core.config_sources import environment_name, load_settings, setting_keys
from tests.cli.gallery import PHOTOS, VARIANTS, found_elsewhere
from tests.cli.runner import BUILT_IN, COMMAND, Tagger
from tests.documented import PAGES, TOP, Block, blocks, inline_code
from tests.pictures import OWNER, on_a_terminal, settled
from tests.web.proxies import free_port

ROOT = click.Context(cli, info_name="tagger", **cli.context_settings)
COMMANDS = {context.command_path: context.command for context in all_below(ROOT)}
# Benchmarks take minutes; their figures are kept with the commands that made them.
SHOWN = [page for page in PAGES if page.parent.name not in {"benchmarks", "reference"}]
# What no test runs, by page: how many blocks, and why. Each stands behind a comment `not run: ...` on its page.
NOT_RUN: dict[str, dict[str, int]] = {
    "README.md": {"installs": 2},
    "CONTRIBUTING.md": {"installs": 1, "the tests themselves": 1},
    "docs/engines.md": {"minutes of TensorFlow": 2, "figures": 2},
    "docs/logs.md": {"systemd and Docker": 1},
    "docs/how-to/nextcloud.md": {"Nextcloud": 1},
    "docs/how-to/object-storage.md": {"object storage": 1},
    "docs/how-to/qnap.md": {"Docker": 1},
    "docs/how-to/truenas.md": {"Docker": 1},
    "docs/how-to/unraid.md": {"Docker": 1},
    "docs/release.md": {"builds": 4},
    "docs/service.md": {"systemd": 2, "Docker": 1},
    "docs/teaching.md": {"minutes of TensorFlow": 2},
    "docs/web.md": {"asks on the terminal": 1},
}
# A keyword that a person gave a photo.
SIDECAR = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag><rdf:li>regatta</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta>"""
TUTORIAL = TOP / "docs" / "tutorial.md"
# What stops when it is told to.
SERVERS = {"run", "web"}


def name(page: Path) -> str:
    return page.relative_to(TOP).as_posix()


def test_what_is_not_run_is_listed() -> None:
    found = {name(page): dict(Counter(block.not_run for block in blocks(page) if block.not_run)) for page in SHOWN}
    assert {page: reasons for page, reasons in found.items() if reasons} == NOT_RUN


def first_words(line: str) -> Iterator[list[str]]:
    """Each `tagger ...` of a command line as words."""
    for part in re.split(r"&&|\|", line):
        words = shlex.split(part, comments=True)
        if "tagger" in words:
            yield words[len(words) - words[::-1].index("tagger") - 1 :]


def unknown(words: list[str]) -> str:
    """The first option or command in `tagger ...` that does not exist, or ""."""
    path, rest = "tagger", words[1:]
    while rest and f"{path} {rest[0]}" in COMMANDS:
        path, rest = f"{path} {rest[0]}", rest[1:]
    if path == "tagger" and rest and not rest[0].startswith("-") and not rest[0].isupper():
        return rest[0]
    known = {"--help", *(word for one in (path, "tagger") for param in COMMANDS[one].params for word in
                         (*param.opts, *param.secondary_opts))}  # fmt: skip
    for word in rest:
        if re.fullmatch(r"--?[A-Za-z0-9][-\w]*(=.*)?", word) and word.partition("=")[0] not in known:
            return word
    return ""


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_and_options_within_sentences_exist(page: Path) -> None:
    shown = [code for code in inline_code(page) if code.startswith("tagger ")]
    assert [code for code in shown if unknown(code.replace("...", " ").replace("'", "").split())] == []


def test_an_option_that_does_not_exist_is_noticed() -> None:
    assert unknown("tagger search --sorted date dog".split()) == "--sorted"
    assert unknown("tagger serach dog".split()) == "serach"
    assert unknown("tagger taught on NAME --looked".split()) == ""


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_settings_are_what_they_are_called(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    keys = setting_keys()
    known = {*map(environment_name, keys), "TAGGER_DATA_DIR", "TAGGER_CONFIG", "TAGGER_REQUIRE_SHARED"}
    variables = {word.removesuffix("_FILE") for word in re.findall(r"\bTAGGER_[A-Z][A-Z_]+\b", text)}
    assert variables - known - {"TAGGER_SECTION_KEY"} == set()
    sections = "|".join(key for key, one in Settings.model_fields.items() if hasattr(one.annotation, "model_fields"))
    used = {code.split(" = ")[0] for code in inline_code(page)}
    named = {word for word in used if re.fullmatch(rf"({sections})\.[a-z_]+", word)}
    # Files, and the old name of a setting.
    assert named - {*keys, "model.toml", "web.password", "model.download"} == set()


def toml_blocks() -> Iterator[tuple[Path, Block]]:
    for page in PAGES:
        for block in blocks(page):
            if block.language == "toml" or (not block.language and re.match(r"\[[a-z]+\]\n", block.text)):
                yield page, block


@pytest.mark.parametrize(
    ("page", "block"), [pytest.param(*both, id=f"{name(both[0])}:{both[1].line}") for both in toml_blocks()]
)
def test_settings_that_are_shown_can_be_copied(page: Path, block: Block, tmp_path: Path) -> None:
    # A password's hash is shortened on the pages.
    file = tmp_path / "config.toml"
    file.write_text(block.text, encoding="utf-8")
    assert tomllib.loads(block.text)
    load_settings(file, environ={"TAGGER_DATA_DIR": str(tmp_path)})


@dataclass
class Reader:
    """Somebody who types what a page says, in a folder."""

    tagger: Tagger
    port: int
    folder: Path
    servers: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        found = self.tagger.environment({"TAGGER_WEB_LISTEN": f"127.0.0.1:{self.port}"})
        found["PATH"] = f"{COMMAND.parent}{os.pathsep}{found['PATH']}"
        return found

    def type(self, line: str) -> str:
        """Run a command line; what it prints. It must not fail; a search may find nothing."""
        line = line.replace(":8643", f":{self.port}")
        words = shlex.split(line, comments=True)
        words = [str(self.tagger.home / word[2:]) if word.startswith("~/") else word for word in words]
        if words[0] == "tagger" and not set("|&;<$") & set(re.sub(r"'[^']*'|\"[^\"]*\"|#.*", "", line)):
            if words[1] in SERVERS:
                return self._serve(*words[1:])
            environ = {"TAGGER_WEB_LISTEN": f"127.0.0.1:{self.port}"}
            done = self.tagger(*words[1:], code=None, environ=environ)
            if "Agree to it with --yes" in done.stderr:
                done = self.tagger(*words[1:], "--yes", code=None, environ=environ)
        else:
            if "curl" in words and not self.servers:
                self._serve("web")
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", line], capture_output=True, text=True, env=self.environment
            )
        fine = {0, 1} if words[:2] == ["tagger", "search"] else {0}
        assert done.returncode in fine, f"{line}\n{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def see(self, line: str) -> str:
        """What a command line prints on a terminal, without colours; the reader is called Ann."""
        code, said = on_a_terminal(["bash", "-c", line], {**self.environment, "NO_COLOR": "1"}, self.folder)
        assert code == 0, f"{line}\n{said}"
        return settled(said).replace(str(self.tagger.home), OWNER)

    def set(self, text: str) -> None:
        """Copy settings into the config file."""
        file = self.tagger.home / ".config" / "tagger" / "config.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def _serve(self, *words: str) -> str:
        self.servers.append(self.tagger.start(*words, environ={"TAGGER_WEB_LISTEN": f"127.0.0.1:{self.port}"}))
        for _ in range(300):
            state = self.tagger("status", "--json", code=None) if words[0] == "run" else None
            if state is not None and '"service": {' in state.stdout:
                break
            if state is None and self._answers():
                break
            assert self.servers[-1].poll() is None, self.servers[-1].communicate()
            time.sleep(0.1)
        else:
            pytest.fail(f"{words} does not answer")
        return ""

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5)
        except (urllib.error.URLError, OSError):
            return False
        return True

    def leave(self) -> None:
        for server in self.servers:
            server.send_signal(signal.SIGTERM)
        for server in self.servers:
            _, said = server.communicate(timeout=60)
            assert server.returncode in {0, -signal.SIGTERM}, said


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with photos of the names that the pages use, and a library of them, to be copied."""
    home = tmp_path_factory.mktemp("documented") / "home"
    photos = home / "Photos"
    for folder in (photos / "2019" / "holiday", photos / "2021", home / "dogs", home / "Pictures" / "boat"):
        folder.mkdir(parents=True)
    cat, temple = Image.open(PHOTOS / "cat.jpg"), Image.open(PHOTOS / "temple.jpg")
    for path in PHOTOS.glob("*.jpg"):
        shutil.copy(path, photos / "2019" / "holiday" if path.stem < "d" else photos / "2021")
    for word in ("zoo", "IMG_1", "IMG_2", "photo", "a", "swing"):
        shutil.copy(PHOTOS / "cat.jpg", photos / f"{word}.jpg")
    pillow_heif.from_pillow(temple.convert("RGB").resize((300, 200))).save(photos / "b.heic", quality=80)
    sailing = photos / "2019" / "sailing"
    sailing.mkdir()
    rocket, coffee = Image.open(PHOTOS / "rocket.jpg"), Image.open(PHOTOS / "coffee.jpg")
    for number, vary in enumerate([*VARIANTS.values()] * 2):
        vary(rocket).resize((300 + 4 * number, 300)).save(home / "Pictures" / "boat" / f"{number}.jpg")
        vary(coffee).resize((300 + 4 * number, 300)).save(sailing / f"{number}.jpg")
        (sailing / f"{number}.jpg.xmp").write_text(SIDECAR, encoding="utf-8")
    for number, vary in enumerate(VARIANTS.values()):
        vary(cat).resize((300, 300)).save(photos / "2021" / f"cat {number}.jpg")
    tagger = Tagger(home, dict(BUILT_IN))
    tagger("backfill", photos)
    # Labels that the pages speak of and that these photos do not have.
    tagger("correct", *sorted(sailing.glob("*.jpg")), "--add", "sailboat")
    tagger("correct", photos / "zoo.jpg", "--add", "leopard")
    return home


@pytest.fixture
def reader(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    home = tmp_path / "home"
    shutil.copytree(library, home)
    made = Reader(Tagger(home, dict(BUILT_IN)), free_port(), home / "Photos")
    found_elsewhere(made.tagger.database, home / "Photos")
    monkeypatch.chdir(made.folder)
    yield made
    made.leave()


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """Who has photos and nothing else."""
    home = tmp_path / "home"
    shutil.copytree(PHOTOS, home / "Photos", ignore=shutil.ignore_patterns("*.md"))
    made = Reader(Tagger(home, dict(BUILT_IN)), free_port(), home)
    monkeypatch.chdir(home)
    yield made
    made.leave()


def runnable(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.commands() and not block.not_run]


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in SHOWN if runnable(page) and page != TUTORIAL], ids=name)
def test_commands_are_run(page: Path, reader: Reader) -> None:
    follow(page, reader)


@pytest.mark.slow
def test_the_tutorial_can_be_followed(newcomer: Reader) -> None:
    follow(TUTORIAL, newcomer)


def follow(page: Path, reader: Reader) -> None:
    """Do all that a page says, from its top to its end."""
    for block in blocks(page):
        if block.language == "toml" and page.parent.name == "how-to":
            reader.set(block.text)
        elif block.language == "console":
            for line, printed in block.printed():
                assert_printed(printed, reader.see(line))
        elif not block.not_run:
            for line in block.commands():
                reader.type(line)


def assert_printed(expected: list[str], said: str) -> None:
    """Each line that a page shows was printed, in that order, but for figures and space; `...` stands for any lines."""
    lines = iter(map(_plain, said.splitlines()))
    for line in expected:
        if line.strip() != "...":
            assert any(_plain(line) == other for other in lines), f"{line!r} is not printed so:\n{said}"


def _plain(line: str) -> str:
    return " ".join(re.sub(r"\d+(\.\d+)?", "N", line).split())
