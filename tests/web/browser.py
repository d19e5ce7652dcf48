"""Real headless Chromium, watched: whatever a page should never do fails the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright


def missing(what: str) -> None:
    """Skip the test, or fail it where CI demands that nothing is skipped."""
    if os.environ.get("TAGGER_REQUIRE_SHARED"):
        pytest.fail(f"TAGGER_REQUIRE_SHARED is set, but {what}")
    pytest.skip(what)


@contextmanager
def chromium() -> Iterator[Browser]:
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    if found is None:
        missing("there is no Chromium (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@contextmanager
def watched(browser: Browser, address: str, *, refused: int = 0, **options: Any) -> Iterator[Page]:
    """A page of a new browser profile. `refused`: how many requests may be answered with an error."""
    context: BrowserContext = browser.new_context(
        **{"viewport": {"width": 1280, "height": 900}, "base_url": address, **options}
    )
    context.set_default_timeout(20_000)
    faults: list[str] = []
    errors: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: faults.append(request.url) if not _own(request.url, address) else None)

    def on_console(message: Any) -> None:
        if "Failed to load resource" in message.text:
            errors.append(f"{message.text} {message.location}")
        elif message.type in ("error", "warning"):
            faults.append(f"console: {message.text}")

    page.on("console", on_console)
    yield page
    assert faults == []
    assert len(errors) <= refused, errors
    context.close()


def _own(url: str, address: str) -> bool:
    host = "/".join(address.split("/")[:3])
    return url.startswith((host + "/", f"blob:{host}/", "data:"))


def axe_script() -> str:
    """axe-core, as its npm package has it."""
    path = os.environ.get("AXE_CORE", "")
    if not path or not Path(path).is_file():
        missing("AXE_CORE does not name axe.min.js (npm pack axe-core)")
    return Path(path).read_text()


def complaints(page: Page, script: str) -> list[str]:
    """The serious and critical faults that axe-core finds on the page as it is now."""
    # Past the Content-Security-Policy, which forbids just this.
    found = page.evaluate(f"async () => {{ {script}; return (await axe.run(document)).violations }}")
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:150] for node in one['nodes']][:4]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
