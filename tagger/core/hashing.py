"""The hash of a file's bytes, as the library keeps it.

BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs), 16 bytes: a cryptographic hash that takes a half of a millisecond
for a photo of 4 MB where BLAKE2b takes four, and every photo is hashed.
"""

from __future__ import annotations

from collections.abc import Iterable

from blake3 import blake3

HASH_BYTES = 16


def content_hash(data: bytes | memoryview) -> bytes:
    """The hash of a file's bytes."""
    return blake3(data).digest(length=HASH_BYTES)


def content_hash_of_parts(parts: Iterable[bytes | memoryview]) -> bytes:
    """The hash of a file's bytes that come in parts; each is done with when the next one is asked for."""
    digest = blake3()
    for part in parts:
        digest.update(part)
    return digest.digest(length=HASH_BYTES)
