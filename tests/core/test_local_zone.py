from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tagger.core.local_zone import LocalZone, read_time_zone

SUMMER = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _zone_is_put_back() -> Iterator[None]:
    before = os.environ.get("TZ")
    yield
    os.environ.pop("TZ", None)
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    ("said", "hour"),
    [
        ("Europe/Berlin", 14),
        (":Europe/Berlin", 14),
        ('"Europe/Berlin"', 14),
        ("'Europe/Berlin' ", 14),
        ("/usr/share/zoneinfo/Europe/Berlin", 14),
        ("CET-1CEST,M3.5.0,M10.5.0/3", 14),
        ('"CET-1CEST,M3.5.0,M10.5.0/3"', 14),
        ("UTC+2", 10),
        ("<+0330>-3:30", 15),
        ("EST5EDT", 8),
        ("UTC", 12),
        ("", 12),
    ],
)
def test_every_form_of_tz_is_local_time(said: str, hour: int) -> None:
    os.environ["TZ"] = said
    time.tzset()
    assert read_time_zone() == ""
    assert SUMMER.astimezone(LocalZone()).hour == hour


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("Europe/Berln", "Did you mean Europe/Berlin?"),
        ("europe/berlin", "Did you mean Europe/Berlin?"),
        ("Europe", "no time zone"),
        ("/etc/passwd", "no time zone"),
        ("MESZ", "no time zone"),
        ("nonsense, really", "no time zone"),
    ],
)
def test_what_is_no_time_zone_is_said(said: str, says: str) -> None:
    os.environ["TZ"] = said
    assert says in read_time_zone()
    assert "times are in UTC" in read_time_zone()


def test_without_any_time_zones_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.environ["TZ"] = "Europe/Berlin"
    monkeypatch.setenv("TZDIR", str(tmp_path / "none"))
    assert "tzdata" in read_time_zone()
