"""Numbers of things in sentences."""

from __future__ import annotations


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 photo`, `1,204 photos`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
