from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.cli.runner import Tagger
from tests.web.browser import chromium
from tests.web.site import Site, serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What FastAPI and the others are going to take away is not used."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("error::DeprecationWarning"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def patient() -> Iterator[None]:
    """On a busy machine a page may take long."""
    expect.set_options(timeout=30_000)
    yield
    expect.set_options(timeout=None)


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
