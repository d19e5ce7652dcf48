from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tagger.core.config import ModelSettings, Settings
from tagger.core.errors import ConfigError, ModelError, ModelUnavailableError, WeightsError
from tagger.inference import download, weights
from tagger.inference.registry import REGISTRY, model_id, registered
from tests.inference.web import Site, serve

CONTENT = random.Random(1).randbytes(3_000_000)
MOBILENET = REGISTRY["mobilenet_v2"]  # Keras publishes no sum for it, so any bytes will do


class NoWait:
    """A clock on which waiting takes no time."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        assert seconds < 60


@pytest.fixture
def site() -> Iterator[Site]:
    with serve(Site(CONTENT)) as running:
        yield running


def settings(tmp_path: Path, site: Site, **model: object) -> Settings:
    return Settings(data_dir=tmp_path, model=ModelSettings.model_validate({"source": site.address, **model}))


def quiet(_done: int, _total: int | None) -> None:
    pass


def test_fetched_once_then_found(tmp_path: Path, site: Site) -> None:
    told: list[tuple[int, int | None]] = []
    first = download.ensure_weights(settings(tmp_path, site), MOBILENET, lambda *now: told.append(now))
    assert first.path.read_bytes() == CONTENT
    assert first.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert download.ensure_weights(settings(tmp_path, site), MOBILENET, quiet).sha256 == first.sha256
    assert len(site.requests) == 1
    assert sorted(path.name for path in (tmp_path / "models").iterdir() if path.name[0] != ".") == [
        "checksums.json",
        MOBILENET.file_name,
        f"{MOBILENET.file_name}.sha256",
    ]


def test_an_interrupted_download_goes_on(tmp_path: Path, site: Site) -> None:
    site.cut = [1_000_000, 1_500_000]
    found = download.fetch_weights(settings(tmp_path, site), MOBILENET, quiet, NoWait())
    assert found.path.read_bytes() == CONTENT
    assert site.requests == [None, "bytes=1000000-", "bytes=2500000-"]
    assert site.sent == len(CONTENT)


def test_a_server_that_cannot_resume_is_asked_for_all_of_it(tmp_path: Path, site: Site) -> None:
    site.cut, site.ranges = [1_000_000], False
    assert download.fetch_weights(settings(tmp_path, site), MOBILENET, quiet, NoWait()).path.read_bytes() == CONTENT
    assert site.sent == len(CONTENT) + 1_000_000


def test_a_file_that_changed_on_the_server_is_not_mixed_with_the_old_one(tmp_path: Path, site: Site) -> None:
    site.cut = [1_000_000, 0, 0, 0, 0]
    with pytest.raises(ModelUnavailableError):
        download.fetch_weights(settings(tmp_path, site), MOBILENET, quiet, NoWait())
    site.cut, site.etag, site.content = [], '"two"', CONTENT[::-1]
    assert (
        download.fetch_weights(settings(tmp_path, site), MOBILENET, quiet, NoWait()).path.read_bytes() == CONTENT[::-1]
    )


def test_a_leftover_longer_than_the_file_is_thrown_away(tmp_path: Path, site: Site) -> None:
    part = weights.weights_path(settings(tmp_path, site), MOBILENET).with_suffix(".h5.part")
    part.parent.mkdir()
    part.write_bytes(CONTENT + b"more")
    part.with_name(part.name + ".json").write_text('{"mark": "\\"one\\""}')
    assert download.fetch_weights(settings(tmp_path, site), MOBILENET, quiet, NoWait()).path.read_bytes() == CONTENT


def test_killed_while_downloading_the_next_run_finishes(tmp_path: Path, site: Site) -> None:
    site.slow = 0.01
    code = (
        "import sys; from pathlib import Path; from tagger.core.config import Settings, ModelSettings\n"
        "from tagger.inference.download import fetch_weights; from tagger.inference.registry import REGISTRY\n"
        "s = Settings(data_dir=Path(sys.argv[1]), model=ModelSettings(source=sys.argv[2]))\n"
        "fetch_weights(s, REGISTRY['mobilenet_v2'], lambda d, t: None)"
    )
    part = weights.weights_path(settings(tmp_path, site), MOBILENET).with_suffix(".h5.part")
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path), site.address]) as process:
        while not (part.exists() and part.stat().st_size):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    kept = part.stat().st_size
    assert not weights.weights_path(settings(tmp_path, site), MOBILENET).exists()
    site.slow = 0
    assert download.fetch_weights(settings(tmp_path, site), MOBILENET, quiet, NoWait()).path.read_bytes() == CONTENT
    assert site.requests[-1] == f"bytes={kept}-"


def test_two_at_once_fetch_it_once(tmp_path: Path, site: Site) -> None:
    code = (
        "import sys; from pathlib import Path; from tagger.core.config import Settings, ModelSettings\n"
        "from tagger.inference.download import fetch_weights; from tagger.inference.registry import REGISTRY\n"
        "s = Settings(data_dir=Path(sys.argv[1]), model=ModelSettings(source=sys.argv[2]))\n"
        "print(fetch_weights(s, REGISTRY['mobilenet_v2'], lambda d, t: None).sha256)"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), site.address], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = {process.communicate()[0].strip() for process in running}
    assert said == {hashlib.sha256(CONTENT).hexdigest()}
    assert len(site.requests) == 1


def test_the_published_sum_is_checked_before_the_file_gets_its_name(tmp_path: Path, site: Site) -> None:
    with pytest.raises(WeightsError, match="not the file that Keras published"):
        download.fetch_weights(settings(tmp_path, site), REGISTRY["resnet50"], quiet, NoWait())
    assert not weights.weights_path(settings(tmp_path, site), REGISTRY["resnet50"]).exists()
    assert not list((tmp_path / "models").glob("*.part*"))


def test_a_demanded_sha256_decides(tmp_path: Path, site: Site) -> None:
    right = hashlib.sha256(CONTENT).hexdigest()
    # It outranks the published MD5 sum.
    found = download.fetch_weights(settings(tmp_path, site, sha256=right), REGISTRY["resnet50"], quiet, NoWait())
    assert found.verified_by == "against model.sha256"
    with pytest.raises(WeightsError, match=r"model\.sha256 demands"):
        weights.find_weights(settings(tmp_path, site, sha256="0" * 64), REGISTRY["resnet50"])
    with pytest.raises(WeightsError, match=r"model\.sha256 demands"):
        download.fetch_weights(settings(tmp_path, site, sha256="0" * 64), MOBILENET, quiet, NoWait())
    assert not weights.weights_path(settings(tmp_path, site), MOBILENET).exists()


def test_a_file_that_was_changed_later_is_refused(tmp_path: Path, site: Site) -> None:
    found = download.ensure_weights(settings(tmp_path, site), MOBILENET, quiet)
    found.path.write_bytes(CONTENT[::-1])
    with pytest.raises(WeightsError, match="not the file that was fetched") as caught:
        download.ensure_weights(settings(tmp_path, site), MOBILENET, quiet)
    assert "tagger model fetch mobilenet_v2" in caught.value.cure


@pytest.mark.parametrize("trouble", ["404", "refused", "off", "cut"])
def test_what_to_do_without_the_network(tmp_path: Path, site: Site, trouble: str) -> None:
    chosen = settings(tmp_path, site)
    if trouble == "404":
        site.status = 404
    elif trouble == "refused":
        chosen = settings(tmp_path, site, source="http://127.0.0.1:9/")
    elif trouble == "off":
        chosen = settings(tmp_path, site, fetch="never")
    else:
        site.cut = [0] * 9
    with pytest.raises(ModelUnavailableError) as caught:
        download.ensure_weights(chosen, MOBILENET, quiet)
    assert caught.value.exit_code == 3
    for part in (MOBILENET.file_name, str(weights.weights_path(chosen, MOBILENET)), "model.weights", "--weights"):
        assert part in caught.value.cure
    assert {"404": "404", "refused": "refused", "off": 'model.fetch is "never"', "cut": ""}[trouble] in str(
        caught.value
    )


def test_a_file_put_there_by_hand_is_checked_and_taken(tmp_path: Path, site: Site) -> None:
    place = weights.weights_path(settings(tmp_path, site), MOBILENET)
    place.parent.mkdir()
    place.write_bytes(CONTENT)
    assert download.ensure_weights(settings(tmp_path, site), MOBILENET, quiet).path == place
    assert site.requests == []
    wrong = weights.weights_path(settings(tmp_path, site), REGISTRY["resnet50"])
    wrong.write_bytes(CONTENT)
    with pytest.raises(WeightsError, match="Keras published"):
        download.ensure_weights(settings(tmp_path, site), REGISTRY["resnet50"], quiet)


def test_a_local_file_is_used_as_it_is(tmp_path: Path, site: Site) -> None:
    local = tmp_path / "mine.h5"
    local.write_bytes(b"x")
    found = download.ensure_weights(settings(tmp_path, site, weights=local), MOBILENET, quiet)
    assert (found.path, found.sha256) == (local, hashlib.sha256(b"x").hexdigest())
    with pytest.raises(ModelUnavailableError, match="does not exist"):
        download.ensure_weights(settings(tmp_path, site, weights=tmp_path / "none.h5"), MOBILENET, quiet)


@pytest.mark.parametrize("source", ["http://example.org/", "ftp://example.org/", "file:///etc/", "nonsense"])
def test_only_safe_addresses(tmp_path: Path, source: str) -> None:
    chosen = Settings(data_dir=tmp_path, model=ModelSettings(source=source))
    with pytest.raises(ConfigError, match=r"model\.source"):
        download.ensure_weights(chosen, MOBILENET, quiet)


def test_checksums_are_remembered_until_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(b"one")
    first = weights.sha256_of(path, tmp_path)
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert weights.sha256_of(path, tmp_path) == hashlib.sha256(b"two").hexdigest() != first
    (tmp_path / "models" / "checksums.json").write_text("{ damaged")
    assert weights.sha256_of(path, tmp_path) == hashlib.sha256(b"two").hexdigest()


def test_model_ids_name_architecture_weights_and_preprocessing() -> None:
    one = model_id(REGISTRY["resnet50"], "a" * 64, "squares")
    assert one == model_id(REGISTRY["resnet50"], "a" * 64, "squares")
    others = [
        model_id(REGISTRY["resnet50"], "b" * 64, "squares"),
        model_id(REGISTRY["resnet50v2"], "a" * 64, "squares"),
        model_id(REGISTRY["resnet50"], "a" * 64, "whole"),
    ]
    assert len({one, *others}) == 4
    assert len(one) == 16
    # As it was before there were views: photos of older libraries that see whole pictures are not looked at again.
    assert others[-1] == hashlib.sha256(f"resnet50\n{'a' * 64}\n1".encode()).hexdigest()[:16]


def test_an_unknown_model_names_the_near_one() -> None:
    with pytest.raises(ModelError, match="mobilenet") as caught:
        registered("mobilenet")
    assert "Did you mean mobilenet_v2" in caught.value.cure
    assert "resnet50" in caught.value.cure


def test_an_address_that_does_not_answer_is_given_up_after_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full backlog drops what comes, as a firewall does."""
    monkeypatch.setattr(download, "_CONNECT_SECONDS", 0.3)
    with socket.socket() as server, contextlib.ExitStack() as waiting:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        for _ in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(address)
        url = f"http://127.0.0.1:{address[1]}/"
        assert "no answer" in download.why_unreachable(url) or "timed out" in download.why_unreachable(url)
        chosen = Settings(data_dir=tmp_path, model=ModelSettings(source=url))
        with pytest.raises(ModelUnavailableError, match=r"127\.0\.0\.1"):
            download.fetch_weights(chosen, MOBILENET, quiet, NoWait())


def test_with_a_proxy_it_is_the_proxy_that_must_answer(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", site.address)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert download.why_unreachable("http://weights.invalid/file") == ""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    assert "refused" in download.why_unreachable("http://weights.invalid/file")
