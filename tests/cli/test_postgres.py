"""The main job with its labels in PostgreSQL."""

from __future__ import annotations

import shutil
import socket
import time
from pathlib import Path

import pytest

from tests.cli.runner import Tagger
from tests.postgres import Server
from tests.web.site import serving


@pytest.mark.slow
def test_the_main_job_on_postgresql(tagger: Tagger, tmp_path: Path, shared: Path, postgres_server: Server) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    for path in sorted((shared / "photos" / "labelled").glob("*_t*")):
        shutil.copy(path, root)
    (root / "broken.jpg").write_text("no photo")
    tagger.environ["TAGGER_DATABASE"] = postgres_server.new_database()
    tagger("backfill", root, code=1)
    assert tagger.found("tiger") == ["n02129604_tiger.JPEG"]
    assert "n02129604_tiger.JPEG" in tagger.found("animal -dog")
    assert tagger.found("label>0.9", "--limit", "3") == tagger.found("label>0.9")[:3]
    status = tagger.json("status")
    assert status["failed"] == 1
    assert "Nothing to do" in tagger("backfill").stdout
    assert "the labels of 0 changed" in tagger("relabel").stdout
    assert tagger.json("show", root / "n02129604_tiger.JPEG")["labels"][0]["name"] == "tiger"
    assert not tagger.database.exists()
    with serving(tagger) as site:
        number = site.photo("tiger.JPEG")
        assert [one["id"] for one in site.api("/search?q=tiger")["photos"]] == [number]
        first = site.api("/search?limit=2")
        assert len(site.api(f"/search?limit=2&after={first['next']}")["photos"]) == 2
        assert "tiger" in [one["name"] for one in site.api("/labels")]
        assert "tiger" in site.send(f"/photos/{number}/corrections", {"remove": ["tiger"]})["removed"]
        assert len(site.api("/failed")["failed"]) == 1
        assert site.api(f"/photos/{number}/similar")
        assert site.api("/review")["questions"] is not None
        assert site.api("/status")["failed"] == 1
        assert site.get(f"/photos/{number}").status == 200
    assert tagger.found("tiger") == []
    assert {finding["grade"] for finding in tagger.json("doctor")} <= {"ok", "warn"}
    # A wrong address is told, and nothing is made anew.
    done = tagger(
        "status", environ={"TAGGER_DATABASE": "postgresql+psycopg://tagger@/nothing?host=/nonexistent"}, code=4
    )
    assert "cannot be reached" in done.stderr


def test_a_wrong_address_is_told_with_what_to_look_at(bare: Tagger) -> None:
    done = bare("search", "dog", environ={"TAGGER_DATABASE": "postgresql://tagger@no-such-host.invalid/tagger"}, code=4)
    assert "cannot be reached" in done.stderr
    assert "is the address right" in done.stderr


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_told_within_seconds(bare: Tagger) -> None:
    """As behind a firewall that drops what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgresql://tagger@127.0.0.1:{silent.getsockname()[1]}/tagger"
        began = time.monotonic()
        done = bare("search", "dog", environ={"TAGGER_DATABASE": address}, code=4, timeout=60)
        assert "cannot be reached" in done.stderr
        assert time.monotonic() - began < 30
        # Somebody who knows better says so.
        began = time.monotonic()
        bare("search", "dog", environ={"TAGGER_DATABASE": f"{address}?connect_timeout=2"}, code=4, timeout=60)
        assert time.monotonic() - began < 8


@pytest.mark.slow
def test_a_library_goes_to_postgresql_and_back(gallery: Tagger, tmp_path: Path, postgres_server: Server) -> None:
    photo = gallery.export()[0]["path"]
    gallery("correct", photo, "--add", "Österreich")
    address = postgres_server.new_database()
    there = {"TAGGER_DATABASE": address}
    done = gallery("migrate-library", "--to", address.replace("+psycopg", ""))
    assert "and compared them" in done.stdout
    assert f'database = "{address.partition("?")[0]}' in done.stdout
    assert gallery("export", environ=there).stdout == gallery("export").stdout
    assert gallery("search", "österreich", environ=there).stdout == gallery("search", "österreich").stdout != ""
    assert "already" in gallery("migrate-library", "--to", address, code=4).stderr
    # The library lives on there, and comes back with what was done.
    gallery("correct", photo, "--remove", "Österreich", environ=there)
    back = tmp_path / "back.db"
    gallery("migrate-library", "--to", f"sqlite:///{back}", environ=there)
    at_home = {"TAGGER_DATABASE": f"sqlite:///{back}"}
    assert gallery("export", environ=at_home).stdout == gallery("export", environ=there).stdout
    assert "Österreich" not in gallery("labels", environ=at_home).stdout
