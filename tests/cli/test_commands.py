"""What a stranger meets first: help, mistakes, exit codes, settings, models, the doctor."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import threading
from pathlib import Path

import h5py
import pytest

from tests.cli.gallery import COUNT
from tests.cli.runner import MOBILENET, Tagger

COMMANDS = "backfill search status show explain labels export relabel retry forget model doctor".split()


def test_help_lists_every_command_with_examples(bare: Tagger) -> None:
    text = bare("--help").stdout
    for command in COMMANDS:
        assert f"  {command} " in text
        assert "Example" in bare(command, "--help").stdout, command
    assert "Exit codes" in text
    assert "130" in text
    assert "grep" in bare("search", "--help").stdout
    assert bare("--version").stdout.startswith("tagger")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["serch", "x"], "Did you mean search?"),
        (["search"], "Missing argument"),
        (["backfill", "--batch"], "No such option"),
        (["backfill", "/nonexistent/photos"], "does not exist"),
        (["backfill", __file__], "is a file, not a folder"),
        (["backfill", "--model", "resnet", "/tmp"], "Did you mean resnet50"),
        (["--config", "/nonexistent.toml", "status"], "no config file"),
        (["model", "use", "nonsense"], "The models are"),
    ],
)
def test_mistakes_are_explained(bare: Tagger, arguments: list[str], says: str) -> None:
    done = bare(*arguments, code=None)
    assert done.returncode in (2, 3)
    assert says in done.stderr
    assert len(done.stderr.splitlines()) < 8


@pytest.mark.parametrize("command", [["status"], ["search", "x"], ["labels"], ["export"], ["relabel"], ["show", "x"]])
def test_without_a_library_the_way_to_one_is_told(bare: Tagger, command: list[str]) -> None:
    done = bare(*command, code=4)
    assert "There is no library" in done.stderr
    assert "tagger backfill" in done.stderr
    assert not bare.data.exists()


def test_a_backfill_without_a_folder_asks_for_one(bare: Tagger) -> None:
    assert "tagger backfill ~/Photos" in bare("backfill", code=2).stderr


def test_an_empty_folder_needs_no_model(bare: Tagger, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no photos" in bare("backfill", tmp_path / "empty").stdout


def test_a_config_mistake_names_file_and_key(bare: Tagger) -> None:
    config = bare.home / "c.toml"
    config.write_text("[engine]\nbatchsize = 3\n")
    done = bare("--config", config, "status", code=2)
    assert str(config) in done.stderr
    assert "Did you mean engine.batch_size?" in done.stderr
    assert "TAGGER_ENGINE_THREADS" in bare("status", environ={"TAGGER_ENGINE_THREADS": "many"}, code=2).stderr


def test_a_rule_about_a_label_that_does_not_exist(bare: Tagger, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    done = bare("backfill", tmp_path / "photos", environ={"TAGGER_LABELS_SILENCE": '["tigr"]'}, code=2)
    assert "tigr" in done.stderr
    assert "tiger" in done.stderr


@pytest.mark.slow
def test_when_the_weights_are_put_there_by_hand_the_library_is_done_again(
    bare: Tagger, tmp_path: Path, shared: Path
) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    for path in sorted((shared / "photos" / "labelled").iterdir())[:3]:
        shutil.copy(path, root)
    done = bare("backfill", root)
    assert "3 photos labelled" in done.stdout
    assert "could not be fetched" in done.stderr
    name = "resnet50_weights_tf_dim_ordering_tf_kernels.h5"
    refused = bare("model", "fetch", code=3).stderr
    for part in (name, str(bare.data / "models" / name), "model.weights", "http"):
        assert part in refused
    # They arrive; here it is another model's file, named by hand.
    ready = {"TAGGER_MODEL_NAME": "mobilenet_v2", "TAGGER_MODEL_WEIGHTS": str(shared / "models" / MOBILENET)}
    done = bare("backfill", environ=ready)
    assert "3 photos labelled by another model will be looked at again" in done.stderr
    assert "3 photos labelled in" in done.stdout
    # And gone again: what the wanted model labelled stays.
    assert "Nothing to do" in bare("backfill", environ={"TAGGER_MODEL_NAME": "mobilenet_v2"}).stdout


@pytest.mark.slow
def test_a_library_remembers_the_model_that_it_was_made_with(bare: Tagger, tmp_path: Path, shared: Path) -> None:
    """With `backfill --model X --weights F`, every later command uses X with F, also where ResNet50 is the default."""
    root = tmp_path / "photos"
    root.mkdir()
    photos = sorted((shared / "photos" / "labelled").iterdir())
    for path in photos[:8]:
        shutil.copy(path, root)
    weights = tmp_path / "mine.weights.h5"
    shutil.copy(shared / "models" / MOBILENET, weights)
    bare("backfill", "--model", "mobilenet_v2", "--weights", weights, root)
    assert bare.json("model", "show")["weights"] == str(weights)
    assert "Nothing to do" in bare("backfill").stdout
    outside = photos[20]
    assert len(bare.json_lines("similar", outside)) == 8
    assert bare.json("explain", outside)["architecture"] == "mobilenet_v2"
    assert bare.json_lines("classify", outside)[0]["architecture"] == "mobilenet_v2"
    lesson = tmp_path / "lesson"
    lesson.mkdir()
    for path in photos[20:28]:
        shutil.copy(path, lesson)
    [taught] = bare.json("teach", "thing", "--yes", lesson, "--no", root, code=None)
    assert taught["architecture"] == "mobilenet_v2"
    # There and back: the file is still known.
    bare("model", "use", "efficientnet_lite2")
    assert str(weights) in bare("model", "use", "mobilenet_v2").stdout
    assert "There is nothing to fetch" in bare("model", "fetch").stdout
    assert "Nothing to do" in bare("backfill").stdout
    # Nor does the whole example of a config file change anything.
    (bare.home / ".config" / "tagger").mkdir(parents=True)
    shutil.copy(Path(__file__).parents[2] / "config.example.toml", bare.home / ".config" / "tagger" / "config.toml")
    assert "Nothing to do" in bare("backfill", environ={"TAGGER_MODEL_SOURCE": ""}).stdout
    # Where the weights are gone, it says so by name.
    weights.rename(tmp_path / "elsewhere.h5")
    assert "tagger model use mobilenet_v2 --weights FILE" in bare("similar", outside, code=2).stderr


@pytest.mark.slow
def test_wrong_and_damaged_weights_are_refused_by_name(bare: Tagger, tmp_path: Path, shared: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    shutil.copy(next((shared / "photos" / "labelled").iterdir()), root)
    weights = shared / "models" / MOBILENET
    done = bare("backfill", "--weights", weights, root, code=3)  # the default model is ResNet50
    assert str(weights) in done.stderr
    assert "ResNet50" in done.stderr
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = [1]
    assert "other.h5" in bare("backfill", "--weights", tmp_path / "other.h5", root, code=3).stderr
    assert bare.json("status")["queued"] == 1
    assert bare.json("status")["failed"] == 0


@pytest.mark.slow
def test_using_a_model_is_remembered(bare: Tagger, tmp_path: Path, shared: Path) -> None:
    weights = shared / "models" / MOBILENET
    assert "model.toml" in bare("model", "use", "mobilenet_v2", "--weights", weights).stdout
    assert "* mobilenet_v2" in bare("model", "list").stdout
    shown = bare.json("model", "show")
    assert (shown["name"], shown["here"], len(shown["model_id"])) == ("mobilenet_v2", True, 16)
    assert "224 x 224" in bare("model", "show", "resnet50").stdout
    root = tmp_path / "photos"
    root.mkdir()
    shutil.copy(next((shared / "photos" / "labelled").iterdir()), root)
    assert "1 photo labelled" in bare("backfill", root).stdout
    # A change of mind.
    done = bare("model", "use", "resnet50")
    assert "1 photo labelled by another model" in done.stdout
    assert "tagger model fetch resnet50" in done.stdout
    # A setting elsewhere wins, so it would be a lie to say that the model is used now.
    assert "TAGGER_MODEL" in bare("model", "use", "vgg16", environ={"TAGGER_MODEL_NAME": "resnet50"}, code=2).stderr
    assert "could not be fetched" in bare("model", "fetch", "vgg16", code=3).stderr


@pytest.mark.slow
def test_a_model_can_be_tried_before_it_is_used(labelled: Tagger, tmp_path: Path, shared: Path) -> None:
    same = labelled.json("model", "preview", "mobilenet_v2", "--sample", "20")
    assert (same["sample"], same["same"], same["agreement"]) == (20, 20, 1.0)
    assert same["photos"] == 129
    other = tmp_path / "other.weights.h5"
    shutil.copy(shared / "models" / MOBILENET, other)
    with h5py.File(other, "r+") as file:
        found: list[str] = []
        file.visititems(lambda name, item: found.append(name) if getattr(item, "ndim", 0) == 2 else None)
        last = file[found[-1]]
        last[...] = last[...][:, ::-1]  # every class means another now
    done = labelled("model", "preview", "mobilenet_v2", "--weights", other, "--sample", "20")
    assert "20 photos looked at" in done.stdout
    assert "Fewer often: " in done.stdout
    assert "The whole library, 129 photos, would take about" in done.stdout
    # Nothing was stored.
    assert len(labelled.json("status")["models"]) == 1
    assert labelled.found("tiger") == ["n02129604_tiger.JPEG"]


@pytest.mark.slow
def test_a_model_change_keeps_the_old_labels_until_the_new_ones_are_there(labelled: Tagger) -> None:
    with sqlite3.connect(labelled.database) as connection:
        # As if an older model had labelled three photos.
        older = "SELECT 99, 'older', architecture, 'x', 1, 0 FROM models WHERE architecture = 'mobilenet_v2'"
        connection.execute(f"INSERT INTO models {older}")
        ids = "(SELECT id FROM photos ORDER BY id LIMIT 3)"
        connection.execute(f"UPDATE photos SET labelled_by = 99 WHERE id IN {ids}")
        connection.execute(f"DELETE FROM features WHERE photo_id IN {ids}")
    connection.close()
    assert labelled.json("status")["labelled"] == 129
    # No model to be had: everything stays as it is and can be searched.
    labelled("backfill", environ={"TAGGER_MODEL_WEIGHTS": "/nonexistent"}, code=3)
    assert labelled.found("tiger") == ["n02129604_tiger.JPEG"]
    done = labelled("backfill")
    assert "3 photos labelled by another model will be looked at again" in done.stderr
    assert "3 photos labelled in" in done.stdout
    assert len(labelled.json("status")["models"]) == 1


@pytest.mark.slow
def test_the_doctor_finds_what_is_wrong(bare: Tagger, tagger: Tagger, tmp_path: Path, shared: Path) -> None:
    fresh = {finding["about"]: finding for finding in bare.json("doctor")}
    assert fresh["Database"]["grade"] == "warn"
    assert fresh["Model"]["cure"]
    # A folder of our own: the doctor tries it out with a file.
    root = tmp_path / "photos"
    root.mkdir()
    shutil.copy(shared / "photos" / "labelled" / "n02129604_tiger.JPEG", root)
    tagger("backfill", root)
    findings = {finding["about"]: finding for finding in tagger.json("doctor")}
    assert {finding["grade"] for finding in findings.values()} == {"ok"}
    assert "TensorFlow" in findings["Engine"]["text"]
    assert "1 photo, 1 labelled" in findings["Database"]["text"]
    assert "the kernel tells" in findings["Watching"]["text"] or "looked through every" in findings["Watching"]["text"]
    assert [path.name for path in root.iterdir()] == ["n02129604_tiger.JPEG"]
    data = bytearray(tagger.database.read_bytes())
    data[8192:40960] = bytes(32768)
    tagger.database.write_bytes(data)
    done = tagger("doctor", code=1)
    assert "FAIL" in done.stdout
    assert "backup" in done.stdout


@pytest.mark.slow
def test_forgetting_a_folder(gallery: Tagger, tmp_path: Path) -> None:
    assert "is no folder of the library" in gallery("forget", tmp_path, code=2).stderr
    assert f"{COUNT} photos" in gallery("forget", "--yes", gallery.home / "photos").stdout
    assert gallery.json("status")["photos"] == 0
    assert gallery.found("espresso") == []


def test_folders_inside_and_around_each_other(gallery: Tagger, tmp_path: Path) -> None:
    assert "contains" in gallery("backfill", gallery.home, code=2).stderr
    link = tmp_path / "link"
    link.symlink_to(gallery.home / "photos")
    assert "leads to the same photos" in gallery("backfill", link, code=2).stderr


def test_progress_is_a_plain_line_now_and_then_when_nobody_watches(gallery_once: Tagger) -> None:
    done = gallery_once("backfill")
    assert "\r" not in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_a_full_disk_and_a_locked_database_are_told(gallery: Tagger) -> None:
    before = gallery.found("espresso")
    connection = sqlite3.connect(gallery.database, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Reading goes on while somebody writes.
        assert "coffee.jpg" in before
        assert gallery.found("espresso") == before
        assert gallery.json("status")["photos"] == COUNT
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@pytest.mark.slow
def test_nothing_leaves_the_machine(tagger: Tagger, tmp_path: Path, shared: Path) -> None:
    """With its weights at hand a backfill asks nobody for anything, not even for a name."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked = threading.Event()

    def listen() -> None:
        listener.settimeout(60)
        try:
            listener.accept()[0].close()
            asked.set()
        except OSError:
            return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
    root = tmp_path / "photos"
    root.mkdir()
    shutil.copy(next((shared / "photos" / "labelled").iterdir()), root)
    before = sorted(path.name for path in tagger.home.iterdir())
    tagger("backfill", root, environ={"http_proxy": proxy, "https_proxy": proxy})
    # Nor does anything appear outside the data directory.
    assert sorted(path.name for path in tagger.home.iterdir()) == sorted({*before, "data"})
    listener.close()
    thread.join(5)
    assert not asked.is_set()
