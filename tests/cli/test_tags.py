"""`tagger tags`, for scripts; and the script for darktable that uses it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.gallery import PHOTOS
from tests.cli.runner import COMMAND, Tagger
from tests.cli.test_several_photos import piped

CONTRIB = Path(__file__).resolve().parents[2] / "contrib"


def test_files_in_the_library_are_answered_from_it(gallery_once: Tagger) -> None:
    photos = [gallery_once.home / "photos" / name for name in ("rocket.jpg", "cat.jpg", "coffee.jpg")]
    lines = gallery_once("tags", *photos).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == list(map(str, photos))
    for line, photo in zip(lines, photos, strict=True):
        shown = [label["name"] for label in gallery_once.json("show", photo)["labels"] if label["shown"]]
        assert line.split("\t")[1:] == shown


def test_files_in_the_library_are_answered_without_what_takes_long_to_load(gallery_once: Tagger) -> None:
    code = (
        "import sys; from tagger.cli.main import main\n"
        "try: main()\n"
        "finally: assert not {'sqlalchemy', 'numpy', 'PIL', 'alembic', 'rich'} & set(sys.modules)"
    )
    photo = gallery_once.home / "photos" / "cat.jpg"
    done = subprocess.run(
        [sys.executable, "-c", code, "tags", photo], check=True, capture_output=True, env=gallery_once.environment()
    )
    assert done.stdout.startswith(os.fsencode(photo) + b"\t")


def test_the_order_is_that_of_the_names_and_faults_stop_nothing(gallery_once: Tagger, tmp_path: Path) -> None:
    stranger = tmp_path / "new\tone.jpg"
    shutil.copy(PHOTOS / "cat.jpg", stranger)
    (tmp_path / "text.jpg").write_text("no picture")
    known = gallery_once.home / "photos" / "coffee.jpg"
    names = [stranger, tmp_path / "none.jpg", known, tmp_path / "text.jpg", stranger]
    done = gallery_once("tags", "--json", *names, code=1)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["path"], one["in_library"]) for one in told] == [
        (str(stranger), False),
        (str(known), True),
        (str(stranger), False),
    ]
    assert "cat" in [label["name"] for label in told[0]["labels"]]
    assert told[0]["model"] == told[1]["model"]
    assert "none.jpg: there is no such file." in done.stderr
    assert "text.jpg: " in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_nul_bytes_end_what_is_read_and_written(gallery_once: Tagger) -> None:
    found = gallery_once("search", "-0", "coffee").stdout
    done = piped(gallery_once, "tags", "-0", "-", given=os.fsencode(found))
    records = done.stdout.split(b"\0")
    assert records.pop() == b""
    assert [record.split(b"\t")[0] for record in records] == os.fsencode(found).split(b"\0")[:-1]


def test_less_sure_labels_and_another_language(gallery_once: Tagger) -> None:
    photo = gallery_once.home / "photos" / "cat.jpg"
    sure = gallery_once("tags", photo).stdout.strip().split("\t")
    everything = gallery_once("tags", "--all", photo).stdout.strip().split("\t")
    assert set(sure) < set(everything)
    assert "Katze" in gallery_once("tags", "--lang", "de", photo).stdout.strip().split("\t")


@pytest.mark.slow
def test_without_a_library_the_model_in_the_package_answers(bare: Tagger) -> None:
    [told] = bare.json_lines("tags", PHOTOS / "cat.jpg")
    assert "cat" in [label["name"] for label in told["labels"]]
    assert not told["in_library"]
    assert not bare.database.exists()


# What the script uses of darktable's Lua API, which writes down what it is told.
DARKTABLE = """
local calls = io.open(os.getenv("CALLS"), "w")
local read = {command = os.getenv("TAGGER"), parent = os.getenv("PARENT")}
local function say(...) calls:write(table.concat({...}, "\\t"), "\\n"); calls:flush() end
local images = {}
for line in io.lines(os.getenv("IMAGES")) do
  local folder, name = line:match("^(.*)/([^/]+)$")
  table.insert(images, {path = folder, filename = name})
end
return {
  preferences = {
    register = function(script, name, kind, label, tip, default) assert(kind == "string" and tip and default) end,
    read = function(script, name, kind) return read[name] end,
  },
  control = {execute = function(command)
    local _, how, code = os.execute(command)
    return how == "exit" and code or 128 + code
  end},
  gui = {
    action_images = images,
    create_job = function(text, bar) return {valid = true} end,
    libs = {image = {
      register_action = function(key, label, callback, tip) ACTION = callback end,
      destroy_action = function(key) say("destroyed action", key) end,
    }},
  },
  tags = {
    create = function(name) return name end,
    attach = function(tag, image) say("tag", image.filename, tag) end,
  },
  register_event = function(key, event, callback, label) assert(event == "shortcut"); SHORTCUT = callback end,
  destroy_event = function(key, event) say("destroyed event", key) end,
  print = function(text) say("print", text) end,
  print_error = function(text) say("error", text) end,
}
"""
RUN = 'local s = require "tagger"; local dt = require "darktable"; ACTION("x", dt.gui.action_images); s.destroy()'


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("lua5.4") is None, reason="lua5.4 is not installed (Debian: apt install lua5.4)")
@pytest.mark.parametrize(("parent", "prefix"), [("tagger", "tagger|"), ("", "")])
def test_the_script_for_darktable_attaches_labels(
    gallery_once: Tagger, tmp_path: Path, parent: str, prefix: str
) -> None:
    """In a real Lua, beside a stand-in for darktable's own functions; darktable itself is not tried here."""
    home = tmp_path / "it's a folder"
    home.mkdir()
    shutil.copy(PHOTOS / "cat.jpg", home)
    calls = _run_script(gallery_once, tmp_path, [home / "cat.jpg", home / "cat.jpg", home / "none.jpg"], parent)
    assert calls.count(f"tag\tcat.jpg\t{prefix}cat") == 2
    assert "print\ttagger: 2 of 3 photos tagged, 1 could not be read" in calls
    assert calls[-2:] == ["destroyed action\ttagger", "destroyed event\ttagger"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("lua5.4") is None, reason="lua5.4 is not installed (Debian: apt install lua5.4)")
def test_the_script_for_darktable_says_when_the_program_is_not_there(gallery_once: Tagger, tmp_path: Path) -> None:
    calls = _run_script(gallery_once, tmp_path, [PHOTOS / "cat.jpg"], "", command="/nowhere/tagger")
    assert "print\ttagger could not be run; is its path right in the preferences?" in calls
    assert not [call for call in calls if call.startswith("tag\t")]


def _run_script(
    tagger: Tagger, folder: Path, images: list[Path], parent: str, command: os.PathLike[str] | str = COMMAND
) -> list[str]:
    (folder / "darktable.lua").write_text(DARKTABLE)
    (folder / "images").write_text("".join(f"{image}\n" for image in images))
    subprocess.run(
        ["lua5.4", "-e", RUN],
        check=True,
        capture_output=True,
        env=tagger.environment(
            {
                "LUA_PATH": f"{CONTRIB}/darktable/?.lua;{folder}/?.lua",
                "CALLS": str(folder / "calls"),
                "IMAGES": str(folder / "images"),
                "TAGGER": os.fspath(command),
                "PARENT": parent,
            }
        ),
    )
    return (folder / "calls").read_text().splitlines()
