"""The weights file: found on this disk or fetched once, and verified before every use. No TensorFlow here.

Keras publishes an MD5 sum for most of its weights and no SHA-256 for any. So a fetched file is checked against that
MD5 sum where there is one, its SHA-256 is written beside it, and from then on a file with another SHA-256 is
refused. Who knows the right SHA-256 can demand it with `model.sha256`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tagger.core.atomic_file import replacing
from tagger.core.config import Settings, Views
from tagger.core.errors import ConfigError, ModelUnavailableError, WeightsError
from tagger.core.os_words import why
from tagger.inference.engine_specs import EngineSpec
from tagger.inference.registry import MODELS_FOLDER, Architecture, model_id

_CHECKSUMS = "checksums.json"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class UnfinishedWeightsError(ModelUnavailableError):
    """A weights file is being copied to its place, or was cut off on its way."""


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A weights file that may be used. `verified_by`: how it is known to be the right one, for people."""

    path: Path
    sha256: str
    verified_by: str


@dataclass(frozen=True, slots=True)
class Substitute:
    """The model in the package labels for another one. `wanted`: that one's name; `why`: a sentence for people.

    `for_good`: this machine cannot run the wanted one, whatever is fetched. `fetched`: the service fetches its weights.
    """

    wanted: str
    why: str
    for_good: bool
    fetched: bool

    def note(self, labels: str) -> str:
        """That the model `labels` does it meanwhile, why, and what happens next."""
        so = f"{self.why} So {labels}, the model in the package, labels the photos"
        if self.for_good:
            return f"{so} (to choose it for good: tagger model use {labels})."
        by_hand = f"tagger model fetch {self.wanted}, then tagger backfill"
        if not self.fetched:
            return f"{so} until they are (to have {self.wanted} look at them again: {by_hand})."
        then = f"tagger run fetches them by itself and has {self.wanted} look at the photos again; by hand: {by_hand}"
        return f"{so} until they are ({then})."


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """A model with its weights on this disk: those of Keras, or a light model made from them.

    `substitute`: why it labels instead of the wanted model; None if it is the wanted one.
    """

    architecture: Architecture
    weights: WeightsFile
    views: Views
    engine: EngineSpec
    substitute: Substitute | None = None

    @property
    def model_id(self) -> str:
        """Its name for ever."""
        return model_id(self.architecture, self.weights.sha256, self.views)


def weights_url(settings: Settings, architecture: Architecture) -> str:
    """Where the weights are fetched from; empty if nobody offers them. Raises ConfigError for an unsafe address."""
    if architecture.network is not None:
        return ""
    if not settings.model.source:
        return architecture.url
    url = settings.model.source.rstrip("/") + "/" + architecture.file_name
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ConfigError(f"model.source = {settings.model.source!r} is not allowed. Allowed: an https:// address.")
    return url


def weights_path(settings: Settings, architecture: Architecture) -> Path:
    """Where fetched weights are kept."""
    return settings.data_dir / MODELS_FOLDER / architecture.file_name


def configured_weights_path(settings: Settings, architecture: Architecture) -> Path:
    """Where the weights of a model are looked for: the configured file, else where fetched ones are kept."""
    return settings.model.weights or weights_path(settings, architecture)


def find_weights(settings: Settings, architecture: Architecture) -> WeightsFile | None:
    """The weights that are on this disk: the configured file, or what was fetched before; None if there are none.

    Raises WeightsError if they are not what they should be, UnfinishedWeightsError if they are not whole,
    ModelUnavailableError if the configured file is missing.
    """
    local = settings.model.weights
    if local is not None:
        if not local.is_file():
            raise ModelUnavailableError(
                f"The weights file {local} does not exist.",
                "Correct model.weights, TAGGER_MODEL_WEIGHTS or --weights; "
                f"or: tagger model use {architecture.name} --weights FILE",
            )
        checksum = sha256_of(local, settings.data_dir)
        check_sha256(settings, local, checksum)
        return WeightsFile(
            local, checksum, "against model.sha256" if settings.model.sha256 else "your own file, taken as it is"
        )
    path = weights_path(settings, architecture)
    if not path.is_file():
        return None
    if not architecture.sha256:
        _check_whole(path)
    checksum = sha256_of(path, settings.data_dir)
    check_sha256(settings, path, checksum)
    if architecture.sha256:
        if checksum != architecture.sha256:
            raise WeightsError(
                f"{path} does not hold the weights that {architecture.name} was trained to: its SHA-256 is {checksum}.",
                "Put the right file back, or train it again: tagger train",
            )
        return WeightsFile(path, checksum, "against the SHA-256 that was noted when it was trained")
    pin = pin_of(path)
    pinned = pin.read_text().split()[0] if pin.is_file() else None
    if pinned is None:
        # Put there by hand; what Keras publishes decides.
        check_md5(path, architecture)
        with replacing(pin) as temporary:
            temporary.write_text(f"{checksum}  {path.name}\n")
    elif pinned != checksum:
        raise WeightsError(
            f"{path} is not the file that was fetched: its SHA-256 is {checksum}, it was {pinned}.",
            f"Delete it and run: tagger model fetch {architecture.name}",
        )
    return WeightsFile(path, checksum, verified_by(settings, architecture))


def _check_whole(path: Path) -> None:
    """Raise UnfinishedWeightsError if an HDF5 file is shorter than its superblock says.

    The end-of-file address is at byte 40 of superblocks of version 0 and 1, and at byte 28 of later ones (HDF5 File
    Format Specification, section II.A), where addresses have 8 bytes, as they have in all that Keras writes.
    """
    with path.open("rb") as file:
        start = file.read(48)
        size = path.stat().st_size
    if start[:8] != b"\x89HDF\r\n\x1a\n" or len(start) < 48:
        return
    at = 40 if start[8] < 2 else 28
    whole = int.from_bytes(start[at : at + 8], "little")
    if size < whole:
        raise UnfinishedWeightsError(
            f"{path} is not whole: {size:,} of {whole:,} bytes are there.",
            "If it is still being copied, wait until it is; else copy it again.",
        )


def sha256_of(path: Path, data_dir: Path) -> str:
    """The SHA-256 of a file, remembered as long as the file does not change: hashing 100 MB takes a NAS seconds."""
    status = path.stat()
    key = str(path.resolve())
    stamp = [status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns]
    cache = data_dir / MODELS_FOLDER / _CHECKSUMS
    known = read_json(cache)
    entry = known.get(key)
    if isinstance(entry, list) and entry[:-1] == stamp:
        return str(entry[-1])
    checksum = digest_of(path, "sha256")
    try:
        with replacing(cache) as temporary:
            temporary.write_text(json.dumps({**known, key: [*stamp, checksum]}, indent=1))
    except OSError:
        # It is only remembered for speed: a read-only data directory must not stop `tagger doctor`.
        return checksum
    return checksum


def digest_of(path: Path, kind: str) -> str:
    """The checksum of a file, in hexadecimal. `kind`: as `hashlib` names it. Raises WeightsError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise WeightsError(f"The weights file {path} cannot be read: {why(error)}.") from error


def check_sha256(settings: Settings, path: Path, checksum: str) -> None:
    """Raise WeightsError if `model.sha256` demands another SHA-256."""
    if settings.model.sha256 and checksum != settings.model.sha256:
        raise WeightsError(
            f"{path} is not the file that model.sha256 demands: its SHA-256 is {checksum}, not {settings.model.sha256}."
        )


def check_md5(path: Path, architecture: Architecture) -> None:
    """Raise WeightsError if Keras publishes another MD5 sum for the file."""
    if architecture.md5 is None:
        return
    found = digest_of(path, "md5")
    if found != architecture.md5:
        raise WeightsError(
            f"{path} is not the file that Keras published as {architecture.file_name}: its MD5 sum is {found}, "
            f"not {architecture.md5}.",
            "Fetch it again; or, if these are your own weights, name the file with model.weights.",
        )


def verified_by(settings: Settings, architecture: Architecture) -> str:
    """How a fetched file is known to be the right one, for people."""
    if settings.model.sha256:
        return "against model.sha256"
    first = "against Keras' MD5 sum" if architecture.md5 else "by the secure connection (Keras publishes no sum)"
    return f"{first} when it was fetched, against its own SHA-256 since then"


def pin_of(path: Path) -> Path:
    """The file beside a fetched one that holds its SHA-256, as `sha256sum` writes it."""
    return path.with_name(f"{path.name}.sha256")


def read_json(path: Path) -> dict[str, Any]:
    """An object of JSON, empty where the file is missing or damaged."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        # Missing or cut off by a crash: everything in such a file can be found out again.
        return {}
    return found if isinstance(found, dict) else {}
