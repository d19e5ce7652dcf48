"""Taught labels as a file for another library: JSON, validated before any of it is used.

It has no examples, so it does not tell which photos a label was taught with. For another model, teach the label there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationError

from tagger.core.atomic_file import replacing
from tagger.core.config import Section, Share
from tagger.core.errors import UsageError
from tagger.core.linear_heads import TaughtHead, weights_from_bytes, weights_to_bytes
from tagger.core.os_words import why
from tagger.core.paths import shown_path
from tagger.store.models import Model
from tagger.store.taught_labels import Taught, Trained
from tagger.teaching.report import Report

_MOST_BYTES = 64 << 20
_Hash = Annotated[str, Field(pattern="^[0-9a-f]{16}$|^[0-9a-f]{64}$")]


class _Label(Section):
    key: Annotated[str, Field(pattern="^(n[0-9]{8}|(own|group|rule):.{1,120})$")]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    weights: Annotated[str, Field(max_length=1 << 20)]
    bias: Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
    threshold: Annotated[Share, Field(allow_inf_nan=False)]
    precision: Share
    yes: Annotated[int, Field(ge=0)]
    no: Annotated[int, Field(ge=0)]
    sampled: Annotated[int, Field(ge=0)]
    auc: Share
    measured_precision: Share
    measured_recall: Share
    # Of the library where it was on, the part that had it.
    share: Share = 0.0


class _Content(Section):
    model_id: _Hash
    architecture: Annotated[str, Field(min_length=1, max_length=64)]
    weights_sha256: _Hash
    features: Annotated[int, Field(ge=1, le=65536)]
    labels: Annotated[tuple[_Label, ...], Field(max_length=10_000)]


class _File(Section):
    format: Literal["tagger taught labels"]
    version: Literal[1]
    sha256: _Hash
    content: _Content


@dataclass(frozen=True, slots=True)
class Imported:
    """The contents of a file: its model (ModelId, architecture, SHA-256 of the weights), and the labels."""

    model_id: str
    architecture: str
    weights_sha256: str
    labels: tuple[tuple[float, Trained], ...]


def write_label_file(path: Path, model: Model, labels: Sequence[tuple[Taught, Trained]]) -> None:
    """Write taught labels of a model, atomically. Raises OSError."""
    heads = [(label, trained, trained.head) for label, trained in labels]
    content = _Content(
        model_id=model.model_id,
        architecture=model.architecture,
        weights_sha256=model.weights_sha256,
        features=max(head.weights.size for _, _, head in heads if head is not None),
        labels=tuple(_as_label(label, head, trained) for label, trained, head in heads if head is not None),
    )
    file = _File(format="tagger taught labels", version=1, sha256=_checksum(content), content=content)
    with replacing(path) as temporary:
        temporary.write_text(file.model_dump_json(indent=1) + "\n", encoding="utf-8")


def _as_label(label: Taught, head: TaughtHead, trained: Trained) -> _Label:
    report = Report.from_json(trained.report)
    return _Label(
        key=label.key,
        name=label.name,
        weights=base64.b64encode(weights_to_bytes(head.weights)).decode(),
        bias=head.bias,
        threshold=head.threshold,
        precision=label.precision,
        yes=report.yes,
        no=report.no,
        sampled=report.sampled,
        auc=report.auc,
        measured_precision=report.precision,
        measured_recall=report.recall,
        share=trained.report.get("accepted", 0.0) if label.enabled else 0.0,
    )


def read_label_file(path: Path) -> Imported:
    """Read and validate a file. Raises UsageError with what is wrong; nothing in the file is ever executed."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _wrong(path, "it is too large")
        file = _File.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise UsageError(f"{shown_path(str(path))} cannot be read: {why(error)}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise _wrong(path, f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise _wrong(path, "it is damaged or was not written to its end") from error
    if file.sha256 != _checksum(file.content):
        raise _wrong(path, "it was changed or damaged: its checksum is another one")
    content = file.content
    labels = tuple((label.precision, _trained(path, content, label)) for label in content.labels)
    return Imported(content.model_id, content.architecture, content.weights_sha256, labels)


def _trained(path: Path, content: _Content, label: _Label) -> Trained:
    name = " ".join(label.name.split())
    if not name or not name.isprintable():
        raise _wrong(path, f"{label.name!r} cannot be a label")
    try:
        raw = base64.b64decode(label.weights, validate=True)
    except binascii.Error as error:
        raise _wrong(path, f"the weights of {name!r} are damaged") from error
    if len(raw) != 4 * content.features:
        raise _wrong(path, f"the weights of {name!r} do not fit its model")
    weights = weights_from_bytes(raw)
    if not np.isfinite(weights).all():
        raise _wrong(path, f"the weights of {name!r} are no numbers")
    head = TaughtHead(label.key, name, weights, label.bias, label.threshold)
    report = Report(
        label.yes,
        label.no,
        label.sampled,
        auc=label.auc,
        wanted=label.precision,
        precision=label.measured_precision,
        recall=label.measured_recall,
        threshold=label.threshold,
    )
    return Trained(head, "imported", report.as_json() | {"accepted": label.share})


def _checksum(content: _Content) -> str:
    return hashlib.sha256(json.dumps(content.model_dump(exclude_defaults=True), sort_keys=True).encode()).hexdigest()


def _wrong(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{shown_path(str(path))} is no file of taught labels that can be used: {why}.",
        "Such files are made by: tagger taught export FILE",
    )
