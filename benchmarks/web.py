"""The web page on a large library, and beside a service that labels.

    python benchmarks/web.py [--photos 1000000] [--rounds 5] [--parts pages,pictures,beside] [--keep FOLDER]

pages: server time of pages and of the API, as a program on this machine sees it, beside that of a small static file.
pictures: 60 small copies that are in the cache, complete in Chromium. beside: how fast `tagger run` labels alone, and
while ten browsers page through the library, each a page of 60 every five seconds, whose pictures are yet to be made,
with a status page open beside it, which follows the stream of events.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import quote

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.photo_like import make_photos, scene
from benchmarks.search_million import QUERIES, fill_fields, make
from benchmarks.speed import light_model, run
from tagger.core.clock import SystemClock
from tagger.service import control
from tagger.system.niceness import step_back_behind_all
from tagger.web.api_pictures import SIZES
from tagger.web.picture_cache import PictureCache

TAGGER = Path(sys.executable).parent / "tagger"
HERE = Path(__file__).resolve().parent
PATHS = (
    *("/", "/?q=dog", "/?q=path:2021/", "/labels", "/labels?view=tree", "/labels/n02084071", "/photos/5"),
    *("/duplicates", "/settings", "/status", "/api/v1/labels", "/api/v1/suggest?q=do"),
)
_PAGES = 10
# What moves while a page comes (https://web.dev/articles/cls).
_WATCH = (
    "window.jumps = 0; new PerformanceObserver((list) => { for (const one of list.getEntries()) "
    "if (!one.hadRecentInput) window.jumps += one.value }).observe({ type: 'layout-shift', buffered: true })"
)
_BROWSERS, _PACE = 10, 5.0
_PORT = 8658


class Client:
    """One connection, kept open, as a browser keeps it."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def get(self, path: str) -> tuple[float, bytes]:
        """Seconds, and the answer."""
        started = time.perf_counter()
        self._connection.request("GET", path, headers={"Accept": "text/html"})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {body[:200]!r}")
        return time.perf_counter() - started, body


@contextmanager
def serving(data: Path) -> Iterator[int]:
    """`tagger web` on a free port."""
    environ = {**os.environ, "TAGGER_DATA_DIR": str(data), "TAGGER_WEB_LISTEN": "127.0.0.1:0"}
    with subprocess.Popen([TAGGER, "web"], stdout=subprocess.PIPE, text=True, env=environ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r":(\d+)/", process.stdout.readline())
            assert found is not None
            yield int(found[1])
        finally:
            process.terminate()


def pages(data: Path, rounds: int) -> None:
    """Server time in milliseconds: the median and the slowest."""
    with serving(data) as port:
        client = Client(port)
        print(f"\nthe first page after the start: {client.get('/')[0]:.2f} s")
        # Labels are counted when the server starts.
        time.sleep(3)
        base = median(client.get("/static/icon.svg")[0] for _ in range(50))
        print(f"\n{'milliseconds':40} {'median':>8} {'slowest':>8}  times a static file ({base * 1000:.1f} ms)")

        def row(name: str, times: list[float]) -> None:
            print(f"{name:40} {median(times) * 1000:8.1f} {max(times) * 1000:8.1f}  {median(times) / base:.1f}")

        for path in PATHS:
            row(path, [client.get(path)[0] for _ in range(rounds)])
        # The slowest is the first, which the others remember.
        for query in ("", "tiger", "taken:2019", "path:2021/", "dog", "animal"):
            path = f"/api/v1/search?facets=true&q={quote(query)}"
            row(f"{query or '(everything)'}, facets", [client.get(path)[0] for _ in range(rounds)])
        for query in ("", "path:2021/", "rating:>=3"):
            path = f"/api/v1/timeline?q={quote(query)}"
            times = [client.get(path)[0] for _ in range(rounds)]
            row(f"{query or '(everything)'}, its months", times)
            months = json.loads(client.get(path)[1])["months"]
            years = {month["month"][:4]: month["after"] for month in months}.values()
            row("    to each year", [client.get(f"/api/v1/search?q={quote(query)}&after={one}")[0] for one in years])
        for query in ("", *QUERIES, "taken:2019", "path:2021/", "-animal", "path:nowhere"):
            first, following = [], []
            for _ in range(rounds):
                after = ""
                for number in range(_PAGES):
                    seconds, body = client.get(f"/api/v1/search?q={quote(query)}&after={after}")
                    (following if number else first).append(seconds)
                    after = json.loads(body)["next"] or ""
                    if not after:
                        break
            row(f"{query or '(everything)'}, first page", first)
            if following:
                row("    following pages", following)


def pictures(data: Path, rounds: int) -> None:
    """Seconds until 60 pictures are complete in Chromium, its own cache empty."""
    from playwright.sync_api import sync_playwright

    with serving(data) as port:
        page = json.loads(Client(port).get("/api/v1/search")[1])
        cache = PictureCache(data, 1 << 30, SystemClock())
        large = Image.fromarray(scene(1600, 1200, 1))
        for number, photo in enumerate(page["photos"]):
            buffer = io.BytesIO()
            left = number * 20
            large.crop((left, 0, left + 400, 300)).save(buffer, "JPEG", quality=82)
            cache.put(photo["id"], photo["picture"].split("v=")[1], SIZES["thumbnail"], buffer.getvalue())
        size = len(buffer.getvalue())
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            times, alone, jumps = [], [], []
            for _ in range(rounds):
                # High enough that none is left for later.
                context = browser.new_context(viewport={"width": 1280, "height": 2600})
                tab = context.new_page()
                tab.add_init_script(_WATCH)
                started = time.perf_counter()
                tab.goto(f"http://127.0.0.1:{port}/drop")
                alone.append(time.perf_counter() - started)
                started = time.perf_counter()
                tab.goto(f"http://127.0.0.1:{port}/")
                done = "[...document.images].filter((one) => one.complete && one.naturalWidth).length"
                while tab.evaluate(done) < 61:
                    time.sleep(0.01)
                times.append(time.perf_counter() - started)
                jumps.append(tab.evaluate("window.jumps"))
                context.close()
            browser.close()
        print(
            f"\n60 pictures of {size >> 10} KB in Chromium: {median(times):.2f} s (slowest {max(times):.2f}), "
            f"a page without pictures {median(alone):.2f} s, layout shift at most {max(jumps):.3f}"
        )


def beside(work: Path, rounds: int, number_of_photos: int) -> None:
    """Photos labelled a second, alone and beside ten browsers, in turns."""
    weights = work / "weights.h5"
    run(os.path.relpath(HERE.parent / "tests" / "inference" / "plain_keras.py", HERE), "make", "resnet50", weights)
    light = light_model(work, "resnet50", weights)
    folder = work / "photos"
    make_photos(folder, number_of_photos, 3)
    print(f"\nphotos labelled a second ({number_of_photos:,} photos of 3 megapixels, light engine)")
    rates: dict[bool, list[float]] = {False: [], True: []}
    for number in range(rounds):
        for browsers in (False, True):
            data = work / f"data{number}{browsers:d}"
            (data / "models").mkdir(parents=True)
            shutil.copy(light, data / "models" / "resnet50.tflite")
            rate, shown = labelled(data, folder, browsers)
            rates[browsers].append(rate)
            name, load = "beside ten browsers" if browsers else "alone", os.getloadavg()[0]
            print(f"  {name:20} {rate:6.1f}  load {load:4.1f}  {shown}", flush=True)
            shutil.rmtree(data)
    ratio = median(rates[True]) / median(rates[False])
    print(f"beside ten browsers: {ratio:.0%} of the speed alone (medians of {rounds})")


def labelled(data: Path, folder: Path, browsers: bool) -> tuple[float, str]:
    """Photos a second between a tenth and nine tenths of them, and what the browsers saw."""
    environ = {
        **os.environ,
        "TAGGER_DATA_DIR": str(data),
        "TAGGER_ENGINE_KIND": "light",
        "TAGGER_INTAKE_SETTLE_SECONDS": "0",
        "TAGGER_WEB_ENABLED": "true",
        "TAGGER_WEB_LISTEN": f"127.0.0.1:{_PORT}",
    }
    total = len(list(folder.iterdir()))
    begin, end = 0.0, 0.0
    at_begin = 0
    browsing: subprocess.Popen[str] | None = None
    with subprocess.Popen([TAGGER, "run", folder], env=environ, stderr=subprocess.DEVNULL) as service:
        try:
            while not end:
                time.sleep(0.1)
                state = control.status(data)
                done = 0 if state is None else state.labelling.labelled
                if done >= total / 10 and not begin:
                    begin, at_begin = time.perf_counter(), done
                    if browsers:
                        command = [sys.executable, __file__, "--browse", str(_PORT)]
                        browsing = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
                if done >= total * 9 / 10:
                    end = time.perf_counter()
                    rate = (done - at_begin) / (end - begin)
            said = browsing.communicate("\n")[0].strip() if browsing else ""
        finally:
            service.terminate()
    return rate, said


def browse(port: int) -> None:
    """Ten browsers until a line comes in. Their own work belongs on other machines, so it steps back."""
    step_back_behind_all()
    stop = threading.Event()
    times: list[float] = []
    seen: list[int] = []
    events: list[int] = []

    def browser(number: int) -> None:
        client = Client(port)
        after = ""
        stop.wait(number * _PACE / _BROWSERS)
        while not stop.is_set():
            started = time.perf_counter()
            # The whole page first, as a browser shows it; then what scrolling asks for.
            if not after:
                times.append(client.get("/")[0])
            seconds, body = client.get(f"/api/v1/search?after={after}")
            times.append(seconds)
            page = json.loads(body)
            for photo in page["photos"]:
                if stop.is_set():
                    return
                client.get(f"/api/v1/{photo['picture']}")
                seen.append(1)
            after = page["next"] or ""
            stop.wait(max(0.0, _PACE - (time.perf_counter() - started)))

    def status_page() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/api/v1/events")
        answer = connection.getresponse()
        while not stop.is_set() and answer.readline():
            events.append(1)
        connection.close()

    threads = [threading.Thread(target=browser, args=(number,)) for number in range(_BROWSERS)]
    threads += [threading.Thread(target=status_page) for _ in range(_BROWSERS)]
    for thread in threads:
        thread.start()
    sys.stdin.readline()
    stop.set()
    for thread in threads:
        thread.join()
    pages_seen = f"{len(times)} pages (median {median(times) * 1000:.0f} ms)"
    print(f"{pages_seen}, {len(seen)} pictures, {len(events)} lines of events")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", default="pages,pictures,beside", help="which to run, with commas")
    parser.add_argument("--labelled", type=int, default=1600, help="photos that are labelled beside browsers")
    parser.add_argument("--keep", type=Path, help="make the library here, or use the one that is here")
    parser.add_argument("--browse", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.browse:
        browse(options.browse)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary) / "library"
        folder.mkdir(exist_ok=True)
        if {"pages", "pictures"} & set(options.parts.split(",")) and not (folder / "library.db").exists():
            fill_fields(make(folder, options.photos), options.photos)
        print(f"{options.photos:,} photos")
        if "pages" in options.parts:
            pages(folder, options.rounds)
        if "pictures" in options.parts:
            pictures(folder, options.rounds)
        if "beside" in options.parts:
            beside(Path(temporary), options.rounds, options.labelled)


if __name__ == "__main__":
    main()
