"""The child process: what it finds on photos, by the networks in the package."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tagger.core.boxes import Box, boxes_from_bytes, boxes_to_bytes
from tagger.core.config import Settings
from tagger.core.photo import PhotoFacts
from tagger.inference import detector
from tagger.inference.processes import beside
from tagger.inference.processes.beside import Beside
from tagger.inference.protocol import BOXES, EVERYTHING, FEATURES, WORDS, Outcome, Reply, Request
from tagger.inference.registry import REGISTRY
from tagger.inference.selection import choose_model, words_model
from tagger.inference.worker_client import WorkerClient
from tagger.service.doctor import Finding, examine
from tests.cli.gallery import PHOTOS

ASTRONAUT = PHOTOS / "astronaut.jpg"


def settings_in(folder: Path, **model: object) -> Settings:
    return Settings.model_validate({"data_dir": folder, "model": {"name": "efficientnet_lite2", **model}})


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., WorkerClient]]:
    clients: list[WorkerClient] = []

    def start(**model: object) -> WorkerClient:
        settings = settings_in(tmp_path, **model)
        clients.append(WorkerClient(settings, choose_model(settings, fetch=False)))
        clients[-1].start()
        return clients[-1]

    yield start
    for client in clients:
        client.close()


def ask(client: WorkerClient, *photos: Path, wants: frozenset[str] = EVERYTHING) -> list[Reply]:
    client.submit([Request(number, str(photo), wants=wants) for number, photo in enumerate(photos)])
    found = None
    while found is None:
        found = client.replies(1.0)
    assert [reply.outcome for reply in found] == [Outcome.FEATURES] * len(photos)
    return found


def kinds(reply: Reply) -> list[str]:
    assert reply.boxes is not None
    return [box.name for box in boxes_from_bytes(reply.boxes) if box.score >= 0.5]


def test_a_photo_gives_what_is_wanted_and_nothing_else(started: Callable[..., WorkerClient]) -> None:
    client = started()
    [everything] = ask(client, ASTRONAUT)
    # Another photo of the same name, so that nothing is remembered.
    client.close()
    client.start()
    [boxes] = ask(client, ASTRONAUT, wants=frozenset({BOXES}))
    client.close()
    client.start()
    [features] = ask(client, ASTRONAUT, wants=frozenset({FEATURES}))

    assert kinds(everything) == ["person"]
    assert everything.vector.shape == (1280,)
    # The model in the package has no other features for words than its own.
    assert everything.words == b""
    assert boxes.boxes == everything.boxes
    assert (boxes.features, boxes.inferred) == (b"", False)
    assert features.boxes is None
    np.testing.assert_array_equal(features.vector, everything.vector)
    assert boxes.inspection == features.inspection == everything.inspection


def test_a_photo_without_objects_has_no_boxes_which_is_not_the_same_as_not_looked_at(
    started: Callable[..., WorkerClient],
) -> None:
    [grass] = ask(started(), PHOTOS / "grass.jpg")

    assert grass.boxes == b""


def test_copies_are_looked_at_once_and_only_for_what_is_not_known(
    started: Callable[..., WorkerClient], tmp_path: Path
) -> None:
    client = started()
    copies = [tmp_path / f"{number}.jpg" for number in range(3)]
    for copy in copies:
        shutil.copy(ASTRONAUT, copy)
    features = ask(client, *copies[:2], wants=frozenset({FEATURES}))
    both = ask(client, *copies)

    assert [reply.inferred for reply in features] == [True, False]
    assert [reply.inferred for reply in both] == [False, False, False]
    assert len({reply.features for reply in [*features, *both]}) == 1
    assert [kinds(reply) for reply in both] == [["person"]] * 3


def test_boxes_of_each_photo_of_a_batch_are_its_own(started: Callable[..., WorkerClient], tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(PHOTOS / "cat.jpg") as picture:
        picture.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "cat.jpg", exif=exif, quality=95)
    names = ("astronaut.jpg", "grass.jpg", "motorcycle.jpg")
    found = ask(started(), *(PHOTOS / name for name in names), tmp_path / "cat.jpg")

    assert [kinds(reply)[:1] for reply in found] == [["person"], [], ["motorcycle"], ["cat"]]


def test_the_detector_can_be_turned_off(started: Callable[..., WorkerClient]) -> None:
    client = started(objects=False)
    [found] = ask(client, ASTRONAUT)

    assert found.boxes is None
    assert found.vector.any()
    assert client.faults == []


def test_a_damaged_detector_is_told_once_and_photos_are_labelled_without(
    started: Callable[..., WorkerClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "nanodet_g.tflite"
    damaged.write_bytes(detector.DETECTOR_FILE.read_bytes()[:100_000])
    monkeypatch.setattr(detector, "DETECTOR_FILE", damaged)
    client = started()
    [found] = ask(client, ASTRONAUT)
    client.close()
    client.start()

    assert found.boxes is None
    assert found.vector.any()
    [said] = client.faults
    assert "is damaged" in said
    assert str(damaged) in said


def test_everyday_words_run_beside_other_models_only(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    beside_resnet = words_model(settings, REGISTRY["resnet50"])

    assert beside_resnet is not None
    assert beside_resnet.architecture.name == "efficientnet_lite2"
    assert beside_resnet.model_id == choose_model(settings).model_id
    assert words_model(settings, REGISTRY["efficientnet_lite2"]) is None
    assert words_model(settings_in(tmp_path, objects=False), REGISTRY["resnet50"]) is None


PERSON = Box(0, 1.0, 0.0, 0.0, 1.0, 1.0)


class Broken:
    """A network that fails on white pictures."""

    def look(self, picture: Any, full: Any) -> Any:
        return (PERSON,) if self._fine(picture[np.newaxis]) else None

    def features(self, pixels: Any) -> Any:
        assert self._fine(pixels)
        return np.ones((len(pixels), 4), np.float32)

    def _fine(self, pixels: Any) -> bool:
        if (pixels.min(axis=(1, 2, 3)) == 255).any():
            raise ValueError("white")
        return True


def test_what_goes_wrong_with_one_photo_is_told_once_and_the_others_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(beside, "_detector", lambda *_: Broken())
    monkeypatch.setattr(beside, "_built_in", lambda *_: Broken())
    networks = Beside({"objects": True, "words": {"file": "x", "views": "squares"}}, 1)
    facts = PhotoFacts("JPEG", 10, 10, None)
    black, white = (np.full((1, 8, 8, 3), level, np.uint8) for level in (0, 255))

    person = boxes_to_bytes([PERSON])

    assert set(networks.inputs) == {BOXES, WORDS}
    assert networks.boxes([(black, facts), (white, facts), (white, facts), (black, facts)]) == [
        person,
        b"",
        b"",
        person,
    ]
    words = networks.words([black, white, black])
    assert [None if found is None else len(found) for found in words] == [16, None, 16]
    faults = networks.take_faults()
    assert len(faults) == 2
    assert "people and things" in faults[0]
    assert "white" in faults[0]
    assert networks.take_faults() == []


def test_a_network_that_cannot_be_loaded_is_told_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(beside, "_detector", refuse)
    networks = Beside({"objects": True, "words": None}, 1)

    assert networks.inputs == {}
    [said] = networks.take_faults()
    assert "cannot be loaded" in said


@pytest.mark.slow
def test_beside_another_model_the_built_in_one_gives_its_own_features(
    started: Callable[..., WorkerClient], shared: Path
) -> None:
    names = ("astronaut.jpg", "grass.jpg", "motorcycle.jpg")
    photos = [PHOTOS / name for name in names]
    own = ask(started(), *photos)
    weights = shared / "models" / "mobilenet_v2_imagenet.weights.h5"
    client = started(name="mobilenet_v2", weights=weights)
    found = ask(client, *photos)
    [boxes] = ask(client, PHOTOS / "cat.jpg", wants=frozenset({WORDS, BOXES}))

    assert [kinds(reply) for reply in found] == [kinds(reply) for reply in own]
    for reply, built_in in zip(found, own, strict=True):
        # Not quite the same: the other model's smaller squares may be decoded at a smaller scale.
        lengths = np.linalg.norm(reply.word_vector) * np.linalg.norm(built_in.vector)
        assert reply.word_vector @ built_in.vector / lengths > 0.9
        assert reply.vector.shape == (1280,)
        assert not np.array_equal(reply.vector, reply.word_vector)
    assert boxes.features == b""
    assert boxes.word_vector.any()
    assert kinds(boxes) == ["cat"]


def test_the_doctor_tells_a_damaged_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(**model: object) -> Finding:
        return next(one for one in examine(settings_in(tmp_path, **model), None) if one.about == "People")

    assert said().grade == "ok"
    (tmp_path / "nanodet_g.tflite").write_bytes(b"not a network")
    monkeypatch.setattr(detector, "DETECTOR_FILE", tmp_path / "nanodet_g.tflite")
    assert said().grade == "FAIL"
    assert "is damaged" in said().text
    assert "Install tagger again" in said().cure
    assert said(objects=False).grade == "ok"


@pytest.mark.slow
def test_no_picture_fails_because_of_the_detector(started: Callable[..., WorkerClient], shared: Path) -> None:
    """Malformed, hostile and ordinary files: the same outcome, reason and features with it and without."""
    folders = [shared / "photos" / name for name in ("broken", "bombs", "camera")]
    files = [path for folder in folders for path in sorted(folder.iterdir())]

    def replies(client: WorkerClient) -> list[Reply]:
        found: list[Reply] = []
        for start in range(0, len(files), 16):
            client.submit([Request(start + at, str(path)) for at, path in enumerate(files[start : start + 16])])
            while len(found) <= start:
                found += client.replies(1.0) or []
        assert (client.starts, client.faults) == (1, [])
        return found

    with_it, without = replies(started()), replies(started(objects=False))

    assert sum(reply.outcome is Outcome.FEATURES for reply in without) > 100
    for one, other in zip(with_it, without, strict=True):
        assert (one.outcome, one.reason, one.features) == (other.outcome, other.reason, other.features)
        assert (one.boxes is not None) == (one.outcome is Outcome.FEATURES)
        assert other.boxes is None
