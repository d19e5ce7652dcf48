"""Several photos at once: as arguments, on standard input, in a file; and the question before what cannot be undone."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from pathlib import Path

import click
import pytest

from tagger.cli.groups import below
from tagger.cli.main import cli
from tests.cli.runner import COMMAND, Tagger

LISTED = {"saved", "taught", "model", "token"}


@pytest.fixture
def photos(gallery_once: Tagger) -> list[Path]:
    return [gallery_once.home / "photos" / name for name in ("cat.jpg", "coffee.jpg")]


def piped(tagger: Tagger, *words: object, given: bytes, code: int = 0) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [COMMAND, *map(str, words)], check=False, capture_output=True, input=given, env=tagger.environment()
    )
    assert done.returncode == code, done.stderr
    return done


def json_lines(text: str | bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("command", ["show", "explain", pytest.param("classify", marks=pytest.mark.slow)])
def test_each_photo_is_told_of(gallery_once: Tagger, photos: list[Path], command: str, tmp_path: Path) -> None:
    expected = [str(photo) for photo in photos]
    told = json_lines(gallery_once(command, *photos, "--json").stdout)
    assert [one["path"] for one in told] == expected
    listed = tmp_path / "list"
    listed.write_bytes(b"\n".join(os.fsencode(photo) for photo in photos) + b"\n")
    assert json_lines(gallery_once(command, "--files-from", listed, "--json").stdout) == told
    ended = tmp_path / "ended"
    ended.write_bytes(b"".join(os.fsencode(photo) + b"\0" for photo in photos))
    assert json_lines(gallery_once(command, "--files-from", ended, "-0", "--json").stdout) == told
    # As text, each is named.
    said = gallery_once(command, *photos).stdout
    assert all(path in said for path in expected)


def test_of_one_photo_the_object_stays_as_it_was(gallery_once: Tagger, photos: list[Path], tmp_path: Path) -> None:
    alone = gallery_once("show", photos[0], "--json").stdout
    assert alone.startswith("{\n")
    (tmp_path / "one").write_text(str(photos[0]))
    # Of a list, however long it is, the form is always the same.
    assert json_lines(gallery_once("show", "--files-from", tmp_path / "one", "--json").stdout) == [json.loads(alone)]


@pytest.mark.slow
@pytest.mark.parametrize("null", [True, False])
def test_names_come_through_a_pipe(gallery_once: Tagger, null: bool) -> None:
    found = gallery_once("search", *(["-0"] if null else ["-p"]), "cat").stdout
    names = [name for name in found.split("\0" if null else "\n") if name]
    assert len(names) > 1
    done = piped(gallery_once, "show", *(["-0"] if null else []), "--json", "-", given=os.fsencode(found))
    assert [one["path"] for one in json_lines(done.stdout)] == names
    done = piped(gallery_once, "show", "--files-from", "-", "--json", given=os.fsencode(found))
    assert [one["path"] for one in json_lines(done.stdout)] == names


def test_a_name_may_have_a_line_end_where_a_nul_byte_ends_it(gallery_once: Tagger, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"a\nb.jpg\0")
    said = gallery_once("show", "-0", "--files-from", tmp_path / "list", code=1).stderr
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("command", ["show", "history", "explain"])
def test_what_is_wrong_with_one_does_not_stop_the_others(
    gallery_once: Tagger, photos: list[Path], command: str
) -> None:
    done = gallery_once(command, "/nowhere.jpg", *photos, code=1)
    assert "/nowhere.jpg" in done.stderr
    assert str(photos[1]) in done.stdout + done.stderr
    gallery_once(command, "/nowhere.jpg", code=2)


def test_history_of_several(gallery: Tagger) -> None:
    photos = [gallery.home / "photos" / name for name in ("cat.jpg", "coffee.jpg")]
    gallery("write", "--mode", "sidecar")
    told = json_lines(gallery("history", *photos, "--json").stdout)
    assert {one["photo"]["path"] for one in told} == set(map(str, photos))  # type: ignore[index]
    said = gallery("history", *photos).stdout
    assert [line for line in said.splitlines() if not line.startswith(" ") and line.endswith(":")] == [
        f"{photo}:" for photo in photos
    ]


def test_corrections_of_what_a_search_finds(gallery: Tagger) -> None:
    found = gallery("search", "-0", "cat").stdout
    done = piped(gallery, "correct", "-0", "-", "--add", "our cat", "--json", given=os.fsencode(found))
    assert len(json.loads(done.stdout)) == found.count("\0")
    assert sorted(gallery.found('"our cat"')) == sorted(Path(path).name for path in found.split("\0")[:-1])


@pytest.mark.parametrize("command", ["show", "history", "explain", "classify", "correct --add x"])
def test_no_photo_is_a_fault(gallery_once: Tagger, command: str, tmp_path: Path) -> None:
    assert "No photo is named." in gallery_once(*command.split(), code=2).stderr
    (tmp_path / "empty").write_text("\n\n")
    assert "No photo is named." in gallery_once(*command.split(), "--files-from", tmp_path / "empty", code=2).stderr
    assert "cannot be read" in gallery_once(*command.split(), "--files-from", tmp_path / "none", code=2).stderr
    assert "-0 says how names end" in gallery_once(*command.split(), "-0", "x.jpg", code=2).stderr


# --- what cannot be undone ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "code"), [(b"", 2), (b"n\n", 1), (b"y\n", 0)])
def test_a_folder_is_forgotten_only_if_somebody_agrees(gallery: Tagger, answer: bytes, code: int) -> None:
    done = piped(gallery, "forget", gallery.home / "photos", given=answer, code=code)
    assert b"Forget" in done.stderr
    assert b"Forget " not in done.stdout
    if code == 2:
        assert b"Agree to it with --yes." in done.stderr
    if code == 1:
        assert b"Nothing was changed." in done.stderr
    assert bool(gallery.json("status")["photos"]) is (code != 0)


@pytest.mark.parametrize("command", ["labels", "model", "saved", "taught", "token"])
def test_what_is_many_is_listed_by_list_and_without_it(gallery: Tagger, command: str) -> None:
    bare, listed = gallery(command), gallery(command, "list")
    assert (bare.stdout, bare.stderr) == (listed.stdout, listed.stderr)
    assert listed.stdout + listed.stderr


def test_labels_are_listed_with_their_options_before_or_behind_list(gallery: Tagger) -> None:
    everything = gallery.json("labels", "--all")
    assert len(everything) > len(gallery.json("labels"))
    assert gallery.json("labels", "list", "--all") == everything
    assert gallery.json("labels", "--all", "list") == everything


def test_what_was_taught_is_forgotten_only_if_somebody_agrees(gallery: Tagger) -> None:
    with sqlite3.connect(gallery.database) as connection:
        connection.execute("INSERT INTO labels (id, key, name) VALUES (9999, 'own:our cat', 'our cat')")
        connection.execute("INSERT INTO taught VALUES (1, 9999, 0.9, 1, 0)")
    connection.close()
    assert "--yes" in gallery("taught", "remove", "our cat", code=2).stderr
    assert [one["name"] for one in gallery.json("taught", "list")] == ["our cat"]
    gallery("taught", "remove", "our cat", "--yes")
    assert gallery.json("taught") == []


def test_a_file_is_replaced_only_if_somebody_agrees(gallery: Tagger, tmp_path: Path) -> None:
    gallery("search", "--save", "Cats", "cat")
    file = tmp_path / "saved.json"
    gallery("saved", "export", file)
    file.write_text("mine")
    assert f"Replace {file}?" in gallery("saved", "export", file, code=2).stderr
    assert file.read_text() == "mine"
    gallery("saved", "export", file, "--yes")
    assert "Cats" in file.read_text()


def test_a_saved_search_that_was_removed_can_be_had_back(gallery: Tagger) -> None:
    gallery("search", "--save", "It's mine", "--sort", "date", "--all", "cat -dog")
    before = gallery.json("saved", "list")
    said = gallery("saved", "remove", "It's mine").stdout
    again = said.partition("to have it back: ")[2]
    subprocess.run(
        ["sh", "-c", again],
        check=True,
        env={**gallery.environment(), "PATH": f"{COMMAND.parent}:{os.environ['PATH']}"},
        capture_output=True,
    )
    assert gallery.json("saved", "list") == before


def test_every_group_of_things_lists_them() -> None:
    top = click.Context(cli, info_name="tagger")
    groups = {name: set(below(inner)) for name, inner in below(top).items()}
    assert {name for name, commands in groups.items() if commands & {"remove", "use", "show"}} == LISTED
    assert {name for name, commands in groups.items() if "list" in commands} == {*LISTED, "labels"}


@pytest.mark.parametrize("group", sorted(LISTED))
def test_lists_are_called_list(gallery_once: Tagger, group: str) -> None:
    listed = gallery_once(group, "list", "--json").stdout
    assert isinstance(json.loads(listed), list)
    if group != "model":
        assert gallery_once(group).stdout == gallery_once(group, "list").stdout
