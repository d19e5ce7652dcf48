"""A client as PhotoPrism's, by the description of its vision service: thumbnails as data: URLs, labels as JSON."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runner import Tagger
from tests.web.site import Answer, Site, serving

PHOTOS = Path(__file__).parents[1] / "photos"


def data_url(name: str) -> str:
    return "data:image/jpeg;base64," + base64.b64encode((PHOTOS / name).read_bytes()).decode()


def ask(site: Site, path: str = "", **request: Any) -> Answer:
    headers = {"Content-Type": "application/json", "Authorization": "Bearer key"}
    return site.ask("POST", "/api/v1/vision/labels" + path, json.dumps(request).encode(), headers)


def names(answer: Answer) -> set[str]:
    return {label["name"] for label in answer.json["result"]["labels"]}


def test_a_photo_gets_labels_in_the_form_that_is_expected(reading: Site) -> None:
    # All that its client sends for a photo.
    sent = {"id": "b5a4", "model": "", "version": "latest", "suffix": "", "stream": False}
    answer = ask(reading, **sent, images=[data_url("coffee.jpg")])
    assert answer.status == 200, answer.text
    assert answer.json["id"] == "b5a4"
    assert answer.json["code"] == 200
    assert answer.json["model"]["type"] == "labels"
    assert answer.json["model"]["name"] == "tagger"
    labels = answer.json["result"]["labels"]
    assert {"name", "source", "confidence", "topicality"} == set(labels[0])
    assert "espresso" in [label["name"] for label in labels]
    assert all(label["source"] == "image" and 0 < label["confidence"] <= 1 for label in labels)
    assert labels == sorted(labels, key=lambda label: -label["confidence"])


def test_views_of_one_photo_are_put_together_and_named_in_a_language(reading: Site) -> None:
    one, other = (names(ask(reading, images=[data_url(name)])) for name in ("cat.jpg", "coffee.jpg"))
    assert names(ask(reading, images=[data_url("cat.jpg"), data_url("coffee.jpg")])) == one | other
    assert "Katze" in ask(reading, "?lang=de", images=[data_url("cat.jpg")]).text
    # Without the URL around it, as FileScheme: base64 sends it.
    assert names(ask(reading, images=[data_url("cat.jpg").partition(",")[2]])) == one


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({}, "images"),
        ({"images": []}, "images"),
        ({"images": "data:"}, "images"),
        ({"images": [1]}, "images.0"),
        ({"images": ["data:image/jpeg,plain"]}, "base64"),
        ({"images": ["data:image/jpeg;base64,%%%"]}, "base64"),
        ({"images": ["data:image/jpeg;base64,"]}, "no photo"),
        ({"images": ["https://example.org/a.jpg"]}, "FileScheme: data"),
        ({"images": [base64.b64encode(b"no photo").decode()]}, "not a picture"),
    ],
)
def test_what_is_no_such_request_is_told(reading: Site, request_: dict[str, Any], why: str) -> None:
    answer = ask(reading, **request_)
    assert answer.status == 422, answer.text
    assert why in answer.text


@pytest.mark.slow
def test_what_is_too_large_is_refused(gallery_once: Tagger) -> None:
    with serving(gallery_once, TAGGER_WEB_UPLOAD_MB="1") as site:
        assert ask(site, images=["A" * (2 << 20)]).status == 413
        assert ask(site, images=[data_url("cat.jpg")]).status == 200
