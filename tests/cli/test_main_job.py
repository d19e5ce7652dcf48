"""The main job on real photos, through the `tagger` command alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks import label_precision
from tagger.labels import taxonomy
from tests.cli.gallery import COUNT, LABELLED
from tests.cli.runner import COMMAND, Tagger

TAXONOMY = taxonomy.load()


def wnid(path: str) -> str:
    return Path(path).name.split("_")[0]


@pytest.mark.slow
def test_the_model_is_right_as_often_as_it_should_be(labelled: Tagger) -> None:
    # All of the five likeliest classes are wanted here, not only those that are likely enough to be stored.
    labelled("relabel", environ={"TAGGER_LABELS_MIN_CONFIDENCE": "0"})
    photos = labelled.export()
    assert len(photos) == 129
    first = among = 0
    for photo in photos:
        classes = sorted(
            (label for label in photo["labels"] if label["origin"] == "model"), key=lambda label: -label["confidence"]
        )
        first += classes[0]["wnid"] == wnid(photo["path"])
        among += wnid(photo["path"]) in [label["wnid"] for label in classes[:5]]
    assert first / len(photos) >= 0.80
    assert among / len(photos) >= 0.94


@pytest.mark.slow
def test_shown_labels_are_true(labelled_once: Tagger) -> None:
    counted = label_precision.count(labelled_once.export())
    assert counted.photos == 129
    assert counted.precision >= 0.95
    # With what other witnesses truly say of seven photos that show no label of their class any more (by eye).
    assert counted.covered >= 0.90


def stored_classes(tagger: Tagger, shown_only: bool = False) -> dict[str, dict[str, float]]:
    """File name -> key of each label -> confidence."""
    return {
        Path(photo["path"]).name: {
            key: label["confidence"]
            for label in photo["labels"]
            if label["shown"] or not shown_only
            for key in ([label["wnid"]] if label["wnid"] else TAXONOMY.lookup(label["name"]))
        }
        for photo in tagger.export()
    }


def test_searches_find_what_people_mean(gallery_once: Tagger) -> None:
    search = gallery_once.found
    assert search("doormat>0.45") == ["gravel dark.jpg"]
    assert "cat.jpg" in search("--all", "tiger cat")
    assert "cat.jpg" in search("tiger cat>0.1")
    assert search("tiger") == []
    assert search("motorbike") == search("motorcycle")
    assert "motorcycle bottom.jpg" in search("motorcycle")
    cats, animals = search("cat"), search("animal")
    assert len(cats) >= 8
    assert set(cats) <= set(animals)
    known = stored_classes(gallery_once)
    shown = stored_classes(gallery_once, shown_only=True)
    cat, food, vehicle = (TAXONOMY.find(word) for word in ("cat", "food", "vehicle"))
    for word, keys_of in (("cat", cat), ("food", food), ("vehicle", vehicle)):
        assert set(search(word)) == {name for name, keys in shown.items() if keys_of & set(keys)}
        assert set(search("--all", word)) == {name for name, keys in known.items() if keys_of & set(keys)}
    assert set(search("animal -cat")) == {name for name in animals if not cat & set(shown[name])}
    # The same, as people type it: without quotes.
    assert search("animal", "-cat") == search("animal -cat")
    assert search("animal", '-"Egyptian cat"', "-n", "1") == search('animal -"Egyptian cat"')[:1]
    assert search("food", "-espresso", "-pug", "-nail") == search("food -espresso -pug -nail")
    wild = TAXONOMY.find("weapon") | TAXONOMY.find("food")
    assert set(search("weapon OR food")) == {name for name, keys in shown.items() if wild & set(keys)}
    assert set(search("label>0.8")) == {name for name, keys in shown.items() if max(keys.values(), default=0) > 0.8}
    # Most of what is found is right by the file's name.
    for word, subjects in (("cat", ("cat", "phone", "<img")), ("food", ("coffee",)), ("vehicle", ("motorcycle",))):
        names = search(f"{word}>0.6")
        right = [name for name in names if name.startswith(subjects)]
        assert len(right) >= 0.85 * len(names), word
        assert right


def test_a_search_that_finds_nothing_helps(gallery_once: Tagger) -> None:
    assert "understood: espreso by the label espresso" in gallery_once("search", "espreso").stderr
    done = gallery_once("search", "--strict", "espreso", code=1)
    assert done.stdout == ""
    assert "Did you mean" in done.stderr
    assert "espresso" in done.stderr
    assert "there is no label" in done.stderr
    assert "no photo is labelled 'abacus'" in gallery_once("search", "abacus", code=1).stderr


def test_search_in_every_output_format(gallery_once: Tagger) -> None:
    only = "doormat>0.45"
    lines = gallery_once("search", "-p", only).stdout.splitlines()
    assert lines == gallery_once("search", only).stdout.splitlines()
    assert Path(lines[0]).is_file()
    assert gallery_once("search", "-0", only).stdout == lines[0] + "\0"
    found = gallery_once.json("search", only)
    assert found["path"] == lines[0]
    assert found["labels"][0]["name"] == "doormat"
    assert len(gallery_once("search", "--limit", "3", "animal").stdout.splitlines()) == 3


@pytest.mark.parametrize("query", ["(dog", "taken:someday", "colour:red", ">0.5"])
def test_a_wrong_query_is_explained(gallery_once: Tagger, query: str) -> None:
    done = gallery_once("search", query, code=2)
    assert "^" in done.stderr
    assert done.stdout == ""


def test_show_explain_and_labels(gallery_once: Tagger) -> None:
    coffee = gallery_once.home / "photos" / "coffee.jpg"
    shown = gallery_once.json("show", coffee)
    assert (shown["state"], shown["architecture"], shown["format"]) == ("labelled", "efficientnet_lite2", "JPEG")
    assert shown["labels"][0]["name"] == "espresso"
    assert "espresso" in gallery_once("show", coffee).stdout
    explained = gallery_once.json("explain", coffee)
    assert not explained["fresh"]
    assert explained["classes"][0]["wnid"] == "n07920052"
    verdicts = {verdict["name"]: verdict for verdict in explained["labels"]}
    assert verdicts["espresso"]["shown"]
    assert verdicts["food"]["origin"] == "hierarchy"
    text = gallery_once("explain", coffee).stdout
    assert "reaches 0.35" in text
    counts = {label["name"]: label["shown"] for label in gallery_once.json("labels")}
    assert counts["animal"] > 8
    assert counts["espresso"] == len(gallery_once.found("espresso"))
    first = gallery_once("labels").stdout.splitlines()[0].split(maxsplit=1)[1]
    assert counts[first] == max(counts.values())


@pytest.mark.slow
def test_explain_looks_at_a_photo_that_is_in_no_library(tagger: Tagger, shared: Path) -> None:
    tiger = shared / "photos" / "labelled" / "n02129604_tiger.JPEG"
    explained = tagger.json("explain", tiger)
    assert explained["fresh"]
    assert explained["classes"][0]["name"] == "tiger"
    assert "cannot be labelled" in tagger("explain", shared / "README.md", code=2).stderr
    assert not tagger.database.exists()


@pytest.mark.slow
def test_rules_reach_the_whole_library_without_opening_a_photo(labelled: Tagger) -> None:
    config = labelled.home / "config.toml"
    config.write_text('[labels]\nsilence = ["animal"]\n[labels.rename]\n"tiger" = "Tigger"\n')
    done = labelled("--config", config, "relabel", environ={"TAGGER_MODEL_WEIGHTS": "/nonexistent"})
    assert "129 photos relabelled" in done.stdout
    assert labelled.found("Tigger") == ["n02129604_tiger.JPEG"]
    assert "animal" not in {label["name"] for photo in labelled.export() for label in photo["labels"]}
    assert "the labels of 0 changed" in labelled("--config", config, "relabel").stdout
    assert "labels of 0" not in labelled("relabel").stdout  # back to the default
    assert labelled.found("tiger") == ["n02129604_tiger.JPEG"]


@pytest.mark.slow
def test_export_holds_everything(labelled_once: Tagger, tmp_path: Path) -> None:
    photos = labelled_once.export()
    assert set(photos[0]) == {"path", "model", "taken", "state", "labels"}
    assert set(photos[0]["labels"][0]) == {"name", "english", "wnid", "confidence", "rank", "origin", "shown"}
    out = tmp_path / "library.csv"
    labelled_once("export", "--format", "csv", "-o", out)
    rows = out.read_text().splitlines()
    assert rows[0] == "path,model,taken,state,label,wnid,confidence,rank,origin,shown"
    assert len(rows) - 1 == sum(max(1, len(photo["labels"])) for photo in photos)
    labelled_once("export", "-o", out, code=2)  # never overwrites
    # As the file's name says.
    labelled_once("export", "-o", tmp_path / "again.CSV")
    assert (tmp_path / "again.CSV").read_text() == out.read_text()
    labelled_once("export", "-o", tmp_path / "again")
    assert len((tmp_path / "again").read_text().splitlines()) == len(photos)


def test_status(gallery_once: Tagger) -> None:
    status = gallery_once.json("status")
    assert (status["photos"], status["labelled"], status["queued"], status["failed"]) == (COUNT, LABELLED, 0, 1)
    assert status["roots"][0]["path"] == str(gallery_once.home / "photos")
    text = gallery_once("status").stdout
    assert str(LABELLED) in text
    assert "efficientnet_lite2" in text


def test_a_second_backfill_opens_no_photo_and_starts_no_child(gallery: Tagger) -> None:
    before = (gallery.data / "worker.log").stat().st_mtime_ns
    done = gallery("backfill")
    assert "Nothing to do" in done.stdout
    assert (gallery.data / "worker.log").stat().st_mtime_ns == before


def test_only_the_child_imports_tensorflow_or_litert_and_nothing_here_ray(gallery_once: Tagger, tmp_path: Path) -> None:
    """`-X importtime` lists every module that a command's own process imports."""
    heavy = {"tensorflow", "keras", "h5py", "ai_edge_litert", "ray"}
    light = {"numpy", "PIL", "sqlalchemy", "pillow_heif", "alembic"}
    for command, forbidden in (
        (["search", "espresso"], heavy | light),
        (["status"], heavy | {"PIL"}),
        (["labels"], heavy | {"PIL"}),
        (["backfill"], heavy | {"PIL"}),
        (["--version"], heavy | light),
        (["--help"], heavy | light),
    ):
        done = subprocess.run(
            [sys.executable, "-X", "importtime", COMMAND, *command],
            check=True,
            capture_output=True,
            text=True,
            env=gallery_once.environment(),
        )
        modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
        assert "tagger" in modules
        assert not forbidden & modules, command


@pytest.mark.slow
def test_relabel_tells_first_what_it_would_do(labelled: Tagger) -> None:
    before = labelled.export()
    strict = {"TAGGER_LABELS_SHOW_THRESHOLD": "0.95"}
    said = json.loads(labelled("relabel", "--dry-run", "--json", environ=strict).stdout)
    assert labelled.export() == before
    assert "Last run  backfill" in labelled("status").stdout
    text = labelled("relabel", "--dry-run", environ=strict).stdout
    assert f"Of 129 photos {said['changed']} would show other labels; nothing was stored." in text
    labelled("relabel", environ=strict)
    after = labelled.export()

    def shown(photo: dict[str, Any]) -> set[str]:
        return {label["name"] for label in photo["labels"] if label["shown"]}

    pairs = [(shown(old), shown(new)) for old, new in zip(before, after, strict=True)]
    assert said["changed"] == sum(old != new for old, new in pairs) > 20
    assert said["lost"] == dict(Counter(name for old, new in pairs for name in old - new))
    assert said["gained"] == dict(Counter(name for old, new in pairs for name in new - old))
    assert len(said["examples"]) == 10
