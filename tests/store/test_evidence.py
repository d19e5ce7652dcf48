"""What is stored of a photo beside the classifier's features, and what is missing of it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from sqlalchemy.orm import Session

from tagger.core.boxes import Box, boxes_from_bytes, boxes_to_bytes
from tagger.core.photo import JobKind, PhotoFacts
from tagger.store import jobs
from tagger.store.evidence import NO_WITNESSES, Seen, Witnesses, complete_of, evidence_of, seen_of
from tagger.store.labels import LabelIds, LabelledBy
from tagger.store.models import Model
from tagger.store.moves import adopt
from tagger.store.photos import photos_gone
from tagger.store.results import PhotoResult, enqueue_incomplete, save_results
from tagger.store.session import Store
from tagger.store.twins import find_twin, twin_hashes
from tests.store import samples
from tests.store.samples import NOW

DETECTOR = Witnesses("detector one")
BOXES = boxes_to_bytes([Box(0, 0.9, 0.1, 0.2, 0.5, 1.0), Box(16, 0.4, 0.0, 0.0, 1.0, 1.0)])


def save(
    session: Session,
    photo: int,
    by: Model,
    witnesses: Witnesses,
    *,
    number: int = 1,
    kinds: tuple[str, ...] = (),
    words: bytes | None = None,
) -> None:
    seen = samples.inspection(number)
    facts = PhotoFacts("JPEG", 640, 480, None, kinds)
    inspection = type(seen)(seen.fingerprint, seen.content_hash, seen.pixel_hash, facts)
    boxes = None if witnesses.detector is None else BOXES
    result = PhotoResult(photo, inspection, b"\0\0", [samples.label("tiger")], Seen(kinds, boxes, words))
    save_results(session, LabelIds(), LabelledBy(by, NOW), [result], witnesses)
    jobs.drop_queued(session, [photo], None)


def test_evidence_is_stored_and_read(store: Store) -> None:
    with store.write() as session:
        [photo, other] = samples.add(session, samples.root(session), "a.jpg", "b.jpg")
        model, built_in = samples.model(session), samples.model(session, "fedcba9876543210")
        witnesses = Witnesses("detector one", built_in)
        words = np.array([1, 0.5], "<f2")
        save(session, photo, model, witnesses, kinds=("screenshot", "document"), words=words.tobytes())
        evidence, nothing = evidence_of(session, [photo, other], witnesses)
    assert evidence.boxes == boxes_from_bytes(BOXES)
    assert evidence.kinds == ("screenshot", "document")
    assert evidence.words is not None
    assert evidence.words.tolist() == [1, 0.5]
    assert (nothing.boxes, nothing.words, nothing.kinds) == (None, None, None)


def test_python_and_sql_say_the_same_of_what_is_missing(store: Store) -> None:
    """Seen.lacks and is_incomplete, for everything that may be stored and everything that may be asked for."""
    with store.write() as session:
        stored = list(product((False, True), (None, "detector zero", "detector one"), (False, True)))
        photos = samples.add(session, samples.root(session), *(f"{number}.jpg" for number in range(len(stored))))
        model, built_in = samples.model(session), samples.model(session, "fedcba9876543210")
        for number, (photo, (kinds, detector, words)) in enumerate(zip(photos, stored, strict=True), 1):
            saved = Witnesses(detector, built_in if words else None)
            save(session, photo, model, saved, number=number, words=b"\0\0" if words else None)
            if not kinds:
                session.connection().exec_driver_sql(f"UPDATE photos SET kinds = NULL WHERE id = {photo}")
        for asked in (Witnesses(detector, words) for detector in (None, "detector one") for words in (None, built_in)):
            seen = seen_of(session, photos, asked)
            complete = complete_of(session, photos, asked)
            assert {photo for photo in photos if not seen[photo].lacks(asked)} == complete
            assert 0 < len(complete) < len(photos)


@pytest.mark.parametrize("missing", ["boxes", "another detector", "words", "kinds"])
def test_photos_of_which_something_is_missing_are_queued_last(store: Store, missing: str) -> None:
    with store.write() as session:
        root = samples.root(session)
        [whole, lacking, _new] = samples.add(session, root, "whole.jpg", "lacking.jpg", "new.jpg")
        model, built_in = samples.model(session), samples.model(session, "fedcba9876543210")
        now = Witnesses("detector one", built_in if missing == "words" else None)
        before = {
            "boxes": NO_WITNESSES,
            "another detector": Witnesses("detector zero"),
            "words": DETECTOR,
            "kinds": now,
        }[missing]
        save(session, whole, model, now, words=b"\0\0")
        save(session, lacking, model, before, number=2)
        if missing == "kinds":
            session.connection().exec_driver_sql(f"UPDATE photos SET kinds = NULL WHERE id = {lacking}")
        assert seen_of(session, [whole], now)[whole].lacks(now) == frozenset()
        expected = "boxes" if missing == "another detector" else missing
        assert seen_of(session, [lacking], now)[lacking].lacks(now) == {expected}
        assert complete_of(session, [whole, lacking], now) == {whole}
        assert enqueue_incomplete(session, model, now, [root.id]) == 1
        assert enqueue_incomplete(session, model, now, [root.id]) == 0
        claimed = jobs.claim(session, jobs.JobFilter(JobKind.LABEL), "me", 9, NOW + 60)
        assert [job.path.relative for job in claimed] == ["new.jpg", "lacking.jpg"]
        # Its bytes say nothing of copies before it is looked at again.
        size, content = samples.fingerprint(2).size, samples.inspection(2).content_hash
        assert twin_hashes(session, [size], model, now) == {}
        assert find_twin(session, size, content, model, now) is None


def test_where_no_detector_looks_its_boxes_are_not_missed_and_stay(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [photo] = samples.add(session, root, "a.jpg")
        model = samples.model(session)
        save(session, photo, model, DETECTOR)
        save(session, photo, model, NO_WITNESSES)
        assert enqueue_incomplete(session, model, NO_WITNESSES, None) == 0
        assert enqueue_incomplete(session, model, DETECTOR, None) == 0
        assert evidence_of(session, [photo], NO_WITNESSES)[0].boxes is None
        save(session, photo, model, NO_WITNESSES, number=5)  # another picture
        assert enqueue_incomplete(session, model, DETECTOR, None) == 1


def test_a_copy_is_given_what_was_seen_of_its_twin(store: Store) -> None:
    with store.write() as session:
        [photo] = samples.add(session, samples.root(session), "a.jpg")
        model = samples.model(session)
        save(session, photo, model, DETECTOR, kinds=("panorama",))
        seen = samples.inspection(1)
        size = seen.fingerprint.size
        assert twin_hashes(session, [size], model, DETECTOR) == {size: [seen.content_hash]}
        found = find_twin(session, size, seen.content_hash, model, DETECTOR)
        assert found is not None
        assert found[0].facts.kinds == ("panorama",)
        assert found[2] == Seen(("panorama",), BOXES, None)


def test_boxes_go_with_a_photo_that_turns_up_elsewhere(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [old] = samples.add(session, root, "old.jpg")
        model = samples.model(session)
        save(session, old, model, DETECTOR)
        photos_gone(session, [old], NOW)
        [new] = samples.add(session, root, "new.jpg", first=7)
        assert adopt(session, {new: samples.inspection(1)}) == {new: old}
        assert evidence_of(session, [old], DETECTOR)[0].boxes == boxes_from_bytes(BOXES)
