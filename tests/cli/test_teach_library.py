"""What a taught label does to a real library: it is not fooled by its examples, and asks before it spreads."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runner import BUILT_IN, COMMAND, Tagger

SHARED = Path(__file__).parents[3] / "shared"


def wnid(path: str | Path) -> str:
    name = Path(path).name
    return name[:9] if re.match(r"n\d{8}_", name) else ""


def is_dog(path: str | Path) -> bool:
    return "n02085620" <= wnid(path) <= "n02113978" or "dog" in words_of(path)


def is_animal(path: str | Path) -> bool:
    return "n01440764" <= wnid(path) <= "n02510455" or "animal" in words_of(path)


@cache
def judged() -> dict[str, Any]:
    return json.loads((SHARED / "photos" / "camera_judged.json").read_text())


def words_of(path: str | Path) -> list[str]:
    """What somebody saw on a photo of a camera, whose name says nothing."""
    return judged().get(Path(path).name, {}).get("words", [])


@pytest.fixture(scope="session")
def mixed_once(tmp_path_factory: pytest.TempPathFactory, shared: Path, worker_id: str) -> Tagger:
    """189 photos, nine of them of dogs; and beside it folders with 45 dogs, and 100 others, of which 90 are animals."""
    base = tmp_path_factory.getbasetemp()
    home = (base if worker_id == "master" else base.parent) / "mixed_once"
    home.mkdir(exist_ok=True)
    tagger = Tagger(home, dict(BUILT_IN))
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "done").exists():
            others = sorted((shared / "photos" / "evaluation").iterdir())
            of = {
                "dogs": [one for one in others if is_dog(one)][:45],
                "notdogs": [one for one in others if is_animal(one) and not is_dog(one)][:90]
                + [one for one in others if not is_animal(one)][:10],
                "animals": [one for one in others if is_animal(one)][::2],
            }
            for folder, photos in of.items():
                (home / folder).mkdir(exist_ok=True)
                for photo in photos:
                    shutil.copy(photo, home / folder)
            tagger("backfill", shared / "photos" / "labelled", shared / "photos" / "camera")
            (home / "done").touch()
    return tagger


@pytest.fixture
def mixed(mixed_once: Tagger, tmp_path: Path) -> Tagger:
    """A copy of that library's data, to be changed; the photos are only to be read."""
    shutil.copytree(mixed_once.data, tmp_path / "mixed" / "data")
    return Tagger(tmp_path / "mixed", dict(mixed_once.environ))


def with_label(tagger: Tagger, name: str) -> list[str]:
    return tagger("search", "-0", f'"{name}"', code=None).stdout.split("\0")[:-1]


def say(tagger: Tagger, name: str, told: dict[str, Any], is_it: Any) -> None:
    """What a person would say of the photos that are to be looked at."""
    for option, kind in (("--add", True), ("--remove", False)):
        photos = [one["path"] for one in told["to_look_at"] if is_it(one["path"]) is kind]
        if photos:
            tagger("correct", *photos, option, name)


@pytest.mark.slow
def test_counter_examples_that_are_not_like_the_library_do_not_fool_it(mixed: Tagger, mixed_once: Tagger) -> None:
    home = mixed_once.home
    [told] = mixed.json("teach", "a dog", "--yes", home / "dogs", "--no", home / "notdogs")
    # Photos of the library are compared with, whatever else was given.
    assert (told["yes"], told["no"], told["sampled"], told["refused"]) == (45, 100, 189, "")
    assert told["photos"] <= 15
    assert told["precision"] < 0.9  # nobody has looked at any of them
    mixed("taught", "on", "a dog")
    found = with_label(mixed, "a dog")
    assert len(found) == told["photos"]
    assert not [path for path in found if wnid(path) in ("n02992211", "n02690373", "n04447861")]
    assert sum(map(is_dog, found)) >= len(found) / 2


@pytest.mark.slow
def test_dogs_among_the_drawn_photos_are_shown_and_learned_from(mixed: Tagger, mixed_once: Tagger) -> None:
    dogs = mixed_once.home / "dogs"
    [told] = mixed.json("teach", "a dog", "--yes", dogs)
    assert told["refused"] == ""
    # Those that look like right ones are not taken for wrong ones.
    assert sum(is_dog(one["path"]) for one in told["left_out"]) >= 4
    assert sum(is_dog(one["path"]) for one in told["to_look_at"]) >= 4
    say(mixed, "a dog", told, is_dog)
    [after] = mixed.json("teach", "a dog", "--yes", dogs)
    right = sum(is_dog(one["path"]) for one in told["to_look_at"])
    assert (after["yes"], after["no"]) == (45 + right, len(told["to_look_at"]) - right)
    assert after["refused"] == ""
    mixed("taught", "on", "a dog")
    found = with_label(mixed, "a dog")
    assert sum(map(is_dog, found)) >= 0.8 * len(found)
    assert sum(map(is_dog, found)) >= right


@pytest.mark.slow
def test_a_label_that_would_spread_waits_until_somebody_looked(mixed: Tagger, mixed_once: Tagger) -> None:
    animals = mixed_once.home / "animals"
    [told] = mixed.json("teach", "our beasts", "--yes", animals, "--precision", "0.6", "--on", code=1)
    assert told["refused"] == ""
    assert f"it would go to {told['photos']} of 189 photos" in told["must_look"]
    assert (told["on"], told["changed"]) == (False, 0)
    refused = mixed("taught", "on", "our beasts", code=1).stderr
    assert "our beasts was not switched on: it would go to" in refused
    assert "tagger taught look 'our beasts'" in refused
    assert with_label(mixed, "our beasts") == []
    listed = mixed("taught").stdout
    assert "off  our beasts: 0 photos" in listed
    assert "tagger taught look 'our beasts'" in listed
    # The same for whoever carries it elsewhere.
    mixed("taught", "export", mixed.home / "taught.json")
    other = Tagger(mixed.home / "other", dict(mixed.environ))
    shutil.copytree(mixed_once.data, other.data)
    assert "was not switched on" in other("taught", "import", mixed.home / "taught.json", "--on", code=1).stderr
    assert with_label(other, "our beasts") == []
    # Somebody who knows says so.
    assert f"{told['photos']} photos changed" in mixed("taught", "on", "our beasts", "--looked").stdout
    assert len(with_label(mixed, "our beasts")) == told["photos"]
    # That holds when it is learned again, too.
    assert "learned again" in mixed("taught", "again", "our beasts").stdout
    assert with_label(mixed, "our beasts")


@pytest.mark.slow
def test_what_was_said_of_its_photos_switches_it_on(mixed: Tagger, mixed_once: Tagger) -> None:
    teach = ("teach", "our beasts", "--yes", mixed_once.home / "animals", "--precision", "0.6")
    [told] = mixed.json(*teach)
    for _ in range(4):
        if not told["must_look"]:
            break
        say(mixed, "our beasts", told, is_animal)
        before, [told] = told, mixed.json(*teach)
        assert told["yes"] + told["no"] == before["yes"] + before["no"] + len(before["to_look_at"])
    assert told["must_look"] == ""
    mixed("taught", "on", "our beasts")
    found = with_label(mixed, "our beasts")
    right = sum(map(is_animal, found)) / len(found)
    assert right >= 0.6
    assert abs(right - told["precision"]) <= 0.25


@pytest.mark.slow
def test_a_label_that_is_on_stays_as_it_was_when_it_would_spread(mixed: Tagger, mixed_once: Tagger) -> None:
    mixed("teach", "pet", "--yes", mixed_once.home / "dogs", "--on")
    before = with_label(mixed, "pet")
    assert before
    teach = ("teach", "pet", "--yes", mixed_once.home / "animals", "--precision", "0.5")
    told = mixed(*teach).stdout
    assert "It stays as it was: it would go to" in told
    assert with_label(mixed, "pet") == before
    # So does what a service or a backfill learns by itself, and `again`.
    assert "It stays as it was: it would go to" in mixed("taught", "again", "pet", code=1).stdout
    assert with_label(mixed, "pet") == before
    mixed(*teach, "--on", "--looked")
    assert len(with_label(mixed, "pet")) > len(before)


@pytest.mark.slow
def test_unseen_photos_are_tried_before_anything_is_switched_on(
    mixed: Tagger, mixed_once: Tagger, shared: Path
) -> None:
    mixed("teach", "a dog", "--yes", mixed_once.home / "dogs")
    photos = shared / "photos"
    cello, retriever = (
        photos / "labelled" / "n02992211_cello.JPEG",
        photos / "labelled" / "n02099601_golden_retriever.JPEG",
    )
    unseen = mixed.home / "unseen"
    unseen.mkdir()
    shutil.copy(retriever, unseen / "dog of a friend.JPEG")
    (mixed.home / "text.jpg").write_text("no picture")
    by_name = {Path(one["path"]).name: one for one in mixed.json("taught", "try", "A DOG", cello, retriever, unseen)}
    assert len(by_name) == 3
    assert by_name[retriever.name]["yes"] is True
    assert by_name[cello.name]["yes"] is False
    same = by_name["dog of a friend.JPEG"]["probability"], by_name[retriever.name]["probability"]
    assert abs(same[0] - same[1]) < 0.01
    assert re.search(r"\d%  yes  .*golden_retriever", mixed("taught", "try", "a dog", retriever).stdout)
    some = mixed("taught", "try", "a dog", retriever, mixed.home / "text.jpg", code=1)
    assert "text.jpg cannot be read as a photo" in some.stderr
    assert "golden_retriever" in some.stdout
    [none] = mixed.json("taught", "try", "a dog", mixed.home / "text.jpg", code=1)
    assert none["probability"] is None
    assert "There is no photo or folder" in mixed("taught", "try", "a dog", "missing.jpg", code=2).stderr
    assert "No label 'a cat' was taught" in mixed("taught", "try", "a cat", cello, code=2).stderr
    assert with_label(mixed, "a dog") == []


@pytest.mark.slow
def test_in_a_terminal_it_asks_and_learns_from_the_answers(mixed: Tagger, mixed_once: Tagger) -> None:
    said = in_terminal(mixed, "teach", "a dog", "--yes", mixed_once.home / "dogs")
    assert "Look at" in said
    [listed] = mixed.json("taught")
    [model] = listed["models"]
    assert model["yes"] > 45
    assert model["no"] > 0
    # What was answered is a correction like any other.
    shown = [mixed.json("show", path) for path in re.findall(r"^\d+ of \d+ +\d+% +(\S+n02096585\S+)", said, re.M)[:1]]
    assert [label["origin"] for label in shown[0]["labels"] if label["name"] == "a dog"] == ["person"]


@pytest.mark.slow
def test_without_a_library_two_folders_are_enough(mixed_once: Tagger, tmp_path: Path) -> None:
    tagger = Tagger(tmp_path / "new", dict(BUILT_IN))
    tagger.home.mkdir()
    home = mixed_once.home
    [told] = tagger.json("teach", "a dog", "--yes", home / "dogs", "--no", home / "notdogs")
    assert (told["yes"], told["no"], told["sampled"], told["refused"], told["library"]) == (45, 100, 0, "", 0)
    [one] = tagger.json("taught", "try", "a dog", sorted((home / "dogs").iterdir())[0])
    assert one["yes"] is True
    # What it would do to a library is not known, so it is not left to do it to every photo that comes.
    refused = tagger("taught", "on", "a dog", code=1).stderr
    assert "there are no photos in the library yet" in refused
    assert "tagger taught again 'a dog'" in refused
    assert tagger.json("taught")[0]["on"] is False
    tagger("taught", "on", "a dog", "--looked")
    assert tagger.json("taught")[0]["on"] is True


def in_terminal(tagger: Tagger, *arguments: object) -> str:
    """Run a command in a terminal where somebody answers by the names of the files; returns what was shown."""
    master, slave = pty.openpty()
    command = [COMMAND, *map(str, arguments)]
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=tagger.environment())
    os.close(slave)
    shown, answered = "", 0
    while process.poll() is None or select.select([master], [], [], 0)[0]:
        if not select.select([master], [], [], 0.2)[0]:
            continue
        try:
            shown += os.read(master, 65536).decode(errors="replace")
        except OSError:
            break
        shown = shown.replace("\r\n", "\n")
        questions = re.findall(r"Look at .*\[Y/n\]: |^\d+ of \d+ +\d+% +(.*)\n.*\(y, n, s, q\): ", shown, re.M)
        for path in questions[answered:]:
            os.write(master, b"y\n" if not path or is_dog(path) else b"n\n")
            answered += 1
    os.close(master)
    assert process.wait(60) in (0, 1), shown
    assert "Traceback" not in shown
    return shown
