"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photos and weights; without it the test is skipped, or fails where CI demands it."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "photos").is_dir():
        if os.environ.get("TAGGER_REQUIRE_SHARED"):
            pytest.fail(f"TAGGER_REQUIRE_SHARED is set, but there is no {folder}")
        pytest.skip(f"the real photos are not at {folder}")
    return folder
