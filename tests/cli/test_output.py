"""Where output cannot go: closed, to a reader that has gone, to a full disk; and full disks of tagger's own files."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.labelled import label_all
from tests.cli.runner import BUILT_IN, COMMAND, Tagger

PHOTOS = Path(__file__).parents[1] / "photos"
COMMANDS = [
    ["--help"],
    ["--version"],
    ["search", "tiger"],
    ["search", "-0", "tiger"],
    ["status"],
    ["status", "--json"],
    ["show", "{photo}"],
    ["history", "{photo}"],
    ["labels"],
    ["export"],
    ["export", "--format", "csv"],
    ["duplicates"],
    ["taught", "--json"],
    ["model", "list"],
    ["model", "show", "mobilenet_v2"],
    ["write", "--dry-run", "--mode", "sidecar"],
    ["undo", "--all", "--dry-run"],
]


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    home = tmp_path_factory.mktemp("output")
    folder = home / "photos"
    folder.mkdir()
    for number in range(60):
        # More than a pipe holds.
        shutil.copy(PHOTOS / "cat.jpg", folder / f"{number:03}{'x' * 200}.jpg")
    tagger = Tagger(home, BUILT_IN)
    label_all(tagger.data, folder, ["tiger"])
    # So that there is a history.
    tagger("write", "--mode", "sidecar")
    return tagger


def run(tagger: Tagger, command: list[str], redirection: str) -> subprocess.CompletedProcess[str]:
    photo = str(next((tagger.home / "photos").iterdir()))
    words = [str(COMMAND), *(word.format(photo=photo) for word in command)]
    done = subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$@" {redirection}', "tagger", *words],
        check=False,
        capture_output=True,
        text=True,
        env=tagger.environment(),
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "Exception ignored" not in done.stderr, done.stderr
    assert "rrno" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.slow
def test_a_full_disk_is_told(tagger: Tagger, command: list[str]) -> None:
    done = run(tagger, command, ">/dev/full")
    assert done.returncode == 4
    assert "Standard output cannot be written to: the disk that it goes to is full." in done.stderr


@pytest.mark.parametrize("command", COMMANDS[::3], ids=" ".join)
@pytest.mark.slow
def test_closed_output_is_thrown_away(tagger: Tagger, command: list[str]) -> None:
    assert run(tagger, command, ">&-").returncode == 0
    assert run(tagger, command, "<&- >&- 2>&-").returncode == 0


@pytest.mark.parametrize("command", COMMANDS[::3], ids=" ".join)
@pytest.mark.slow
def test_a_reader_that_has_gone_is_no_fault(tagger: Tagger, command: list[str]) -> None:
    done = run(tagger, command, "| (exec <&-; sleep 0.1)")
    assert done.returncode in (0, 141)
    assert "tagger:" not in done.stderr


def test_the_first_line_of_many(tagger: Tagger) -> None:
    done = run(tagger, ["export"], "| head -1")
    assert done.returncode in (0, 141)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


# --- which disk ---------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or os.system(f"mount -t tmpfs -o size=1m tmpfs '{disk}' 2>/dev/null") != 0:
        pytest.skip("mounting is not allowed here")
    yield disk
    os.system(f"umount -l '{disk}'")


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def test_the_data_directory_is_on_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    photo = tmp_path / "a.jpg"
    shutil.copy(PHOTOS / "cat.jpg", photo)
    tagger = Tagger(tmp_path, {**BUILT_IN, "TAGGER_DATA_DIR": str(small_disk)})
    fill(small_disk)
    for command in (["backfill", tmp_path], ["classify", photo]):
        said = tagger(*command, code=4).stderr
        assert f"The disk that holds {small_disk}" in said, (command, said)
        assert "rrno" not in said


def test_sidecars_on_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    shutil.copy(PHOTOS / "cat.jpg", small_disk / "a.jpg")
    tagger = Tagger(tmp_path, {"TAGGER_KEYWORDS_MODE": "sidecar"})
    label_all(tagger.data, small_disk, ["tiger"])
    fill(small_disk)
    said = tagger("write", code=4).stderr
    assert f"The disk that holds {small_disk} is full, and a copy of each file has to be written there." in said
    (small_disk / "filler").unlink()
    assert tagger.json("write")["files"] == 1


def test_half_an_export_is_none(tagger: Tagger, small_disk: Path) -> None:
    fill(small_disk)
    output = small_disk / "library.csv"
    said = tagger("export", "--format", "csv", "-o", output, code=4).stderr
    assert f"The disk that holds {small_disk} is full, and the export has to be written there." in said
    assert not output.exists()


# --- one sentence a folder ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["sidecar", "embed"])
@pytest.mark.slow
def test_a_folder_that_cannot_be_written_to_is_told_once(tmp_path: Path, mode: str) -> None:
    folder = tmp_path / "photos"
    for place in ("x", "y"):
        (folder / place).mkdir(parents=True)
        for number in range(30):
            shutil.copy(PHOTOS / "cat.jpg", folder / place / f"{number}.jpg")
    tagger = Tagger(tmp_path, {"TAGGER_KEYWORDS_MODE": mode})
    label_all(tagger.data, folder, ["tiger"])
    read_only = f"mount --bind '{folder}' '{folder}' && mount -o remount,bind,ro '{folder}'"
    if os.geteuid() != 0 or os.system(read_only) != 0:
        pytest.skip("mounting is not allowed here")
    try:
        done = tagger("write", code=1)
        assert sorted(done.stderr.splitlines()) == [
            f"tagger: 30 photos in {folder}/{place}: its folder {folder}/{place} cannot be written to: "
            "it is mounted read-only."
            for place in ("x", "y")
        ]
        assert "60 photos failed." in done.stdout
    finally:
        os.system(f"umount '{folder}'")
    tagger("retry")
    tagger("write")
    os.system(read_only)
    try:
        said = tagger("undo", "--all", code=1).stderr
        assert len(said.splitlines()) == 2
        assert "30 photos in" in said
    finally:
        os.system(f"umount '{folder}'")
    assert tagger.json("undo", "--all")["exact"] == 60
