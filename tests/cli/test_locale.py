"""In no locale has a photo another name, and nothing that a terminal cannot show is a fault."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.gallery import PHOTOS
from tests.cli.runner import BUILT_IN, COMMAND, Tagger

UTF_8 = {"LC_ALL": "C.UTF-8"}
# Python as it is without its own help for such locales.
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
NAMES = ["Österreich.jpg", "Москва.jpg", "日本 😀.jpg", os.fsdecode(b"K\xe4se.jpg"), "plain.jpg"]


@pytest.fixture(scope="session")
def latin(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a German locale in ISO-8859-1."""
    folder = tmp_path_factory.mktemp("locales")
    name = "de_DE.ISO-8859-1"
    if shutil.which("localedef") is None:
        pytest.skip("there is no localedef")
    made = subprocess.run(
        ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", folder / name], check=False, capture_output=True
    )
    if not (folder / name).is_dir():
        pytest.skip(f"localedef: {made.stderr.decode(errors='replace')}")
    return {"LC_ALL": name, "LOCPATH": str(folder)}


@pytest.fixture(params=["latin", "ascii", "C", "unknown"])
def foreign(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of a locale that is not UTF-8."""
    if request.param == "latin":
        return dict(request.getfixturevalue("latin"))
    return {"ascii": ASCII, "C": {"LC_ALL": "C"}, "unknown": {"LC_ALL": "xx_YY.KOI8-R"}}[request.param]


@pytest.fixture
def library(tmp_path: Path) -> Tagger:
    folder = tmp_path / "Fotos Größe"
    folder.mkdir()
    for number, photo in enumerate(sorted(PHOTOS.glob("*.jpg"))[: len(NAMES)]):
        shutil.copy(photo, folder / NAMES[number])
    home = tmp_path / "home"
    home.mkdir()
    return Tagger(home, {**BUILT_IN, "TAGGER_MODEL_FETCH": "never", "TAGGER_KEYWORDS_MODE": "sidecar"})


def run(tagger: Tagger, environ: dict[str, str], *arguments: str | bytes | Path, code: int | None = 0) -> bytes:
    done = subprocess.run(
        [COMMAND, *arguments], check=False, capture_output=True, env=tagger.environment(environ), timeout=120
    )
    assert b"Traceback" not in done.stderr, done.stderr
    assert code is None or done.returncode == code, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_library_is_the_same_in_every_locale(library: Tagger, tmp_path: Path, foreign: dict[str, str]) -> None:
    folder = tmp_path / "Fotos Größe"
    run(library, foreign, "backfill", folder)
    exported = run(library, foreign, "export")
    run(library, UTF_8, "backfill", folder)
    status = json.loads(run(library, UTF_8, "status", "--json"))
    assert (status["photos"], status["missing"], status["labelled"]) == (len(NAMES), 0, len(NAMES))
    assert run(library, UTF_8, "export") == exported
    paths = {os.fsencode(folder / name) for name in NAMES}
    assert set(run(library, foreign, "search", "-0", "path:*", code=None).split(b"\0")[:-1]) == paths
    sidecars = {path.name.removesuffix(".xmp") for path in folder.glob("*.xmp")}
    assert sidecars
    assert sidecars <= set(NAMES)
    for name in NAMES:
        there = json.loads(run(library, UTF_8, "show", "--json", folder / name))
        assert json.loads(run(library, foreign, "show", "--json", folder / name)) == there
        run(library, foreign, "show", folder / name)
        run(library, foreign, "history", folder / name)
        run(library, foreign, "explain", folder / name)


@pytest.mark.slow
def test_mistakes_and_failures_are_told_in_every_locale(
    library: Tagger, tmp_path: Path, foreign: dict[str, str]
) -> None:
    folder = tmp_path / "Fotos Größe"
    (folder / "kaputt 日本.jpg").write_bytes(b"\xff\xd8\xff" + bytes(2000))
    run(library, foreign, "backfill", folder, code=1)
    shown = run(library, foreign, "status", "--failed")
    assert b"kaputt" in shown
    for arguments in (
        ["show", b"/nirgends/\xe4\xf6.jpg"],
        ["show", "/nirgends/日本.jpg"],
        ["serch 日本"],
        ["search", "日本"],
        ["search", b"\xff\xfe"],
        ["backfill", "/nirgends/ä"],
        ["--config", "/nirgends/ä.toml", "status"],
        ["--data-dir", "/nirgends/日本", "status"],
        ["model", "use", "日本"],
        ["taught", "on", b"\xe4"],
    ):
        run(library, foreign, *arguments, code=None)


@pytest.mark.slow
def test_text_is_read_and_shown_in_the_terminals_encoding(
    library: Tagger, tmp_path: Path, latin: dict[str, str]
) -> None:
    folder = tmp_path / "Fotos Größe"
    run(library, latin, "backfill", folder)
    photo = folder / "plain.jpg"
    run(library, latin, "correct", "--add", "Brücke".encode("latin-1"), photo)
    labels = json.loads(run(library, UTF_8, "show", "--json", photo))["labels"]
    assert "Brücke" in [label["name"] for label in labels]
    assert run(library, latin, "search", "-0", "Brücke".encode("latin-1")) == os.fsencode(photo) + b"\0"
    assert "Brücke".encode("latin-1") in run(library, latin, "show", photo)
    # A file that was named in that locale is named by its bytes.
    assert b"K\\xe4se.jpg" in run(library, latin, "show", os.fsencode(folder) + b"/K\xe4se.jpg")
