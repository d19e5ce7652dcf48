"""What the Tab key completes: as a shell asks for it, and in real shells."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.runner import COMMAND, Tagger


@pytest.fixture(scope="module")
def library(gallery_once: Tagger, tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    """A library with a taught label of two words, and saved searches."""
    home = tmp_path_factory.mktemp("completed")
    shutil.copytree(gallery_once.data, home / "data")
    (home / "photos of mine").mkdir()
    (home / "photo's list.txt").touch()
    with sqlite3.connect(home / "data" / "library.db") as connection:
        connection.execute("INSERT INTO labels (id, key, name) VALUES (9999, 'own:our espresso', 'our espresso')")
        connection.execute("INSERT INTO taught VALUES (1, 9999, 0.9, 1, 0)")
    connection.close()
    tagger = Tagger(home, dict(gallery_once.environ))
    tagger("search", "--save", "Cats at home", "cat")
    tagger("search", "--save", "Kate's & Tom's: $HOME", "cat")
    return tagger


def answers(tagger: Tagger, line: str, shell: str = "zsh", **environ: str) -> list[str]:
    """The candidates, as zsh and fish get them: as they are."""
    done = tagger(environ={"_TAGGER_COMPLETE": f"{shell}_complete", "COMP_LINE": line, **environ})
    assert done.stderr == ""
    found = [entry.split("\t") for entry in done.stdout.splitlines() if entry]
    return [value if kind in ("plain", "open") else f"<{kind}>" for kind, value, _ in found]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tagger sea", ["search"]),
        ("tagger --verb", ["--verbose"]),
        ("tagger -q --data-dir /nowhere sea", ["search"]),
        ("tagger correct --remove esp", ["espresso"]),
        ("tagger search esp", ["espresso"]),
        ("tagger search cat esp", ["espresso"]),
        ("tagger search 'Egyptian c", ["Egyptian cat"]),
        ("tagger search Egyptian\\ c", ["Egyptian cat"]),
        ("tagger search -esp", ["-espresso"]),
        ("tagger search cam", ["camera:"]),
        ("tagger search or", ["orientation:"]),
        ("tagger write ESP", ["espresso"]),
        ("tagger search --sort ", ["confidence", "date", "path"]),
        ("tagger search --saved Cat", ["Cats at home"]),
        ("tagger saved remove kate", ["Kate's & Tom's: $HOME"]),
        ("tagger taught off our", ["our espresso"]),
        ("tagger taught off esp", []),
        ("tagger taught o", ["off", "on"]),
        ("tagger --data-dir /nowhere search esp", []),
        ("tagger --config /nowhere.toml search esp", []),
        ("tagger model use mobilenet_v2", ["mobilenet_v2"]),
        ("tagger backfill --model resnet50v", ["resnet50v2"]),
        ("tagger config web.li", ["web.listen"]),
        ("tagger config sea", ["search", "search.limit", "search.memory_mb"]),
        ("tagger help taught o", ["off", "on"]),
        ("tagger help train ", ["words"]),
        ("tagger completion ", ["bash", "zsh", "fish"]),
        ("tagger backfill ", ["<dir>"]),
        ("tagger forget /vol", ["<dir>"]),
        ("tagger show /vol", ["<file>"]),
    ],
)
def test_names_are_completed(library: Tagger, line: str, expected: list[str]) -> None:
    assert answers(library, line) == expected


def test_labels_are_completed_in_the_language_that_they_are_shown_in(library: Tagger) -> None:
    assert answers(library, "tagger search ägyp", TAGGER_LABELS_LANGUAGE="de") == ["Ägyptische Mau"]
    assert answers(library, "tagger search --lang de ägyp") == ["Ägyptische Mau"]
    assert answers(library, "tagger search Egyptian", TAGGER_LABELS_LANGUAGE="de") == []


@pytest.mark.parametrize(
    ("line", "inserted"),
    [
        ("tagger search --saved Cats", r"Cats\ at\ home"),
        ('tagger search --saved "Cats', "Cats at home"),
        ("tagger saved remove kate", r"Kate\'s\ \&\ Tom\'s:\ \$HOME"),
        # Bash replaces only what stands behind a colon.
        (r"tagger saved remove Kate\'s\ \&\ Tom\'s:", r"\ \$HOME"),
    ],
)
def test_bash_inserts_what_it_reads_back(library: Tagger, line: str, inserted: str) -> None:
    assert answers(library, line, "bash") == [inserted]


def test_a_completion_without_a_library_is_silent(bare: Tagger) -> None:
    for line in ("tagger search ", "tagger saved remove ", "tagger taught on ", "tagger correct --remove "):
        assert answers(bare, line, "bash") in ([], ["<file>"])
    assert "resnet50" in answers(bare, "tagger model use res")
    assert answers(bare, "tagger search x", TAGGER_MODEL_NAME="7 = [") == []
    bare.data.mkdir()
    bare.database.write_bytes(b"no database" * 1000)
    assert answers(bare, "tagger search ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell(bare: Tagger, shell: str, tmp_path: Path) -> None:
    script = bare("completion", shell).stdout
    assert f"_TAGGER_COMPLETE={shell}_complete" in script
    assert script == bare(environ={"_TAGGER_COMPLETE": f"{shell}_source"}).stdout.rstrip("\n") + "\n"
    if shutil.which(shell) is not None:
        (tmp_path / "script").write_text(script)
        subprocess.run([shell, "-n", tmp_path / "script"], check=True)


# --- real shells --------------------------------------------------------------------------------------------

START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
READY = {
    "bash": "PS1='> '; source <(tagger completion bash)",
    "zsh": "PS1='> '; autoload -Uz compinit; compinit -u -D; source <(tagger completion zsh)",
    "fish": "function fish_prompt; echo '> '; end; tagger completion fish | source",
}


class _Shell:
    """An interactive shell in a terminal, in which keys are pressed."""

    def __init__(self, master: int) -> None:
        self._master = master

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def read(self, until: str, seconds: float = 30) -> str:
        found = ""
        deadline = time.monotonic() + seconds
        while not re.search(until, found):
            assert time.monotonic() < deadline, found
            if select.select([self._master], [], [], 0.2)[0]:
                found += os.read(self._master, 65536).decode(errors="replace")
        return found

    def settled(self, seconds: float = 1.0) -> str:
        """What is written until nothing more comes for a while."""
        found = ""
        while select.select([self._master], [], [], seconds)[0]:
            found += os.read(self._master, 65536).decode(errors="replace")
        return found

    def words(self, line: str) -> list[str]:
        """The words of a line after the Tab key, as the shell itself takes them apart."""
        # Then to the beginning of the line, where a command goes that writes the words.
        self.press(line + "\t\x01printf '<<%s>>\\n' \r")
        found = self.read("<<tagger>>(.|\n)*> ") + self.settled(0.2)
        return re.findall(r"<<([^%<>\x1b]*)>>\r?\n", found)


@contextmanager
def interactive(name: str, tagger: Tagger) -> Iterator[_Shell]:
    master, slave = pty.openpty()
    environ = tagger.environment({"TERM": "dumb" if name != "fish" else "xterm", "LC_ALL": "C.UTF-8"})
    environ["PATH"] = f"{COMMAND.parent}:{environ['PATH']}"
    # Its controlling terminal, as for a shell in a window.
    command = ["setsid", "--ctty", *START[name]]
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environ, cwd=tagger.home)
    os.close(slave)
    try:
        shell = _Shell(master)
        shell.settled(1.5)
        shell.press(READY[name] + "; echo re''ady\r")
        shell.read("ready")
        shell.settled(0.5)
        yield shell
    finally:
        process.kill()
        process.wait()
        os.close(master)


@pytest.mark.parametrize("name", list(START))
@pytest.mark.slow
def test_in_a_real_shell(name: str, library: Tagger) -> None:
    if shutil.which(name) is None:
        if os.environ.get("TAGGER_REQUIRE_SHARED"):
            pytest.fail(f"TAGGER_REQUIRE_SHARED is set, but {name} is not installed")
        pytest.skip(f"{name} is not installed (Debian: apt install {name})")
    with interactive(name, library) as shell:
        assert shell.words("tagger sea") == ["tagger", "search"]
        assert shell.words("tagger search espre") == ["tagger", "search", "espresso"]
        assert shell.words("tagger search Egyptian") == ["tagger", "search", "Egyptian cat"]
        assert shell.words("tagger search orie") == ["tagger", "search", "orientation:"]
        assert shell.words("tagger search --saved Cats") == ["tagger", "search", "--saved", "Cats at home"]
        assert shell.words("tagger saved remove Kate") == ["tagger", "saved", "remove", "Kate's & Tom's: $HOME"]
        assert shell.words("tagger taught off our") == ["tagger", "taught", "off", "our espresso"]
        # zsh takes the slash away again where the word ends.
        assert shell.words("tagger backfill photo")[2].rstrip("/") == "photos of mine"
        assert shell.words("tagger show photo\\'") == ["tagger", "show", "photo's list.txt"]
        assert shell.words("tagger search nothing-like-it") == ["tagger", "search", "nothing-like-it"]
