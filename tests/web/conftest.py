from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.runner import Tagger
from tests.web.site import Site, serving


@pytest.fixture(scope="session")
def reading(gallery_once: Tagger) -> Iterator[Site]:
    """The library served; only to be read."""
    with serving(gallery_once) as site:
        yield site


@pytest.fixture
def site(gallery: Tagger) -> Iterator[Site]:
    """That copy served, to be changed."""
    with serving(gallery) as running:
        yield running
