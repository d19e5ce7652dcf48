"""Makes the pictures of README and the documentation from the real program and the photos of the tests.

python -m tests.pictures   (needs Debian's chromium for the page)
"""

from __future__ import annotations

import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import piexif
from PIL import Image
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.cli.gallery import PHOTOS
from tests.cli.runner import BUILT_IN, COMMAND, Tagger
from tests.web.proxies import free_port

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
OWNER = "/home/ann"
SESSION = [
    "tagger backfill ~/Photos",
    "tagger search 'animal OR vehicle'",
    "tagger classify ~/Photos/motorcycle.jpg",
    "tagger correct ~/Photos/cat.jpg --add Minka",
    "tagger search Minka",
    "tagger write --mode sidecar",
    "tagger undo --all",
]
# When the photos were taken, as far as the page is concerned: without a date they would stand under "Without a date".
DATES = {"2024:07": ["coffee", "cat", "motorcycle", "temple"], "2024:05": ["flower", "rocket", "astronaut", "coins"]}


def on_a_terminal(words: list[str], environ: Mapping[str, str], folder: Path) -> tuple[int, str]:
    """What a command prints on a terminal of 100 columns, and its exit code."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
        cwd=folder,
        env={**environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"},
    )
    os.close(follower)
    found = b""
    # Linux tells by an error that nobody has the terminal open any more.
    try:
        while part := os.read(leader, 65536):
            found += part
    except OSError:
        pass
    os.close(leader)
    return process.wait(), found.decode("utf-8", "replace").replace("\r\n", "\n")


def settled(text: str) -> str:
    """The text as it stands in the end: without progress that was drawn over."""
    text = re.sub(r"\x1b\[\?25[lh]", "", text)
    lines = []
    for line in text.split("\n"):
        # A bar is drawn, the line is erased, and drawn anew.
        lines.append(re.split(r"\r|\x1b\[2K", line)[-1])
    return "\n".join(line for line in lines if line.strip() not in {"", "\x1b[0m"})


def terminal(tagger: Tagger) -> None:
    """docs/images/terminal.svg: the commands of SESSION and what they print."""
    console = Console(record=True, width=100, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    home = str(tagger.home)
    for line in SESSION:
        console.print(Text.assemble(("$ ", "green"), (line, "bold")))
        words = ["bash", "-c", line]
        environ = {**tagger.environment(), "PATH": f"{COMMAND.parent}:{os.environ['PATH']}"}
        _, said = on_a_terminal(words, environ, tagger.home)
        lines = settled(said).replace(home, OWNER).split("\n")
        for shown in lines:
            console.print(Text.from_ansi(shown), overflow="ellipsis", no_wrap=True)
        console.print()
    svg = console.export_svg(title="tagger", theme=MONOKAI)
    # The fonts of the reader's machine: nothing is fetched.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.S).replace(
        "Fira Code", "DejaVu Sans Mono, Menlo, Consolas"
    )
    (IMAGES / "terminal.svg").write_text(svg, encoding="utf-8")


def date(photos: Path) -> None:
    """Give copies of photos the dates of DATES."""
    for month, names in DATES.items():
        for day, name in enumerate(names, 10):
            taken = {"Exif": {piexif.ExifIFD.DateTimeOriginal: f"{month}:{day} 12:00:00".encode()}}
            piexif.insert(piexif.dump(taken), str(photos / f"{name}.jpg"))


def page(tagger: Tagger) -> None:
    """docs/images/page.webp: the first page of the library, as a browser shows it."""
    from playwright.sync_api import sync_playwright

    port = free_port()
    server = tagger.start("web", environ={"TAGGER_WEB_LISTEN": f"127.0.0.1:{port}"})
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            shown = browser.new_page(viewport={"width": 1280, "height": 704})
            later: list[str] = []
            shown.on("response", lambda answer: later.append(answer.url) if answer.status == 202 else None)
            # Until no thumbnail is still being made.
            for _ in range(60):
                later.clear()
                shown.goto(f"http://127.0.0.1:{port}/")
                shown.wait_for_load_state("networkidle")
                if not later:
                    break
                time.sleep(1)
            picture = Image.open(io.BytesIO(shown.screenshot())).convert("RGB")
            browser.close()
    finally:
        server.terminate()
        server.communicate(timeout=60)
    picture.save(IMAGES / "page.webp", quality=80, method=6)


def main() -> None:
    """Write both pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "ann"
        shutil.copytree(PHOTOS, home / "Photos", ignore=shutil.ignore_patterns("*.md"))
        tagger = Tagger(home, dict(BUILT_IN))
        date(home / "Photos")
        terminal(tagger)
        page(tagger)
    for path in sorted(IMAGES.iterdir()):
        sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
