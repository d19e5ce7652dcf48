"""Settings that make no sense are told by the commands that look, not only by the one that needs them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tagger.core.config import ServiceSettings, Settings, WebSettings
from tagger.service.daemon import changed_for_restart
from tests.cli.runner import COMMAND, Tagger


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    """A library without photos."""
    home = tmp_path_factory.mktemp("empty")
    (home / "photos").mkdir()
    tagger = Tagger(home, {"TAGGER_MODEL_FETCH": "never"})
    tagger("backfill", home / "photos", code=None)
    return tagger


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"TAGGER_MODEL_NAME": "resnet51"}, ["resnet51", "resnet50"]),
        ({"TAGGER_LABELS_SILENCE": '["tigr"]'}, ["labels.silence", "tigr", "tiger"]),
        ({"TAGGER_LABELS_RENAME": '{"tigr" = "x", "beagel" = "y"}'}, ["tigr", "tiger", "beagel", "beagle"]),
        ({"TAGGER_LABELS_MERGE": '{"x" = ["tigr"]}'}, ["labels.merge.x", "tiger"]),
        ({"TAGGER_LABELS_THRESHOLDS": '{"tigr" = 0.5}'}, ["labels.thresholds", "tiger"]),
    ],
)
@pytest.mark.slow
def test_status_and_doctor_tell_what_makes_no_sense(empty: Tagger, environ: dict[str, str], says: list[str]) -> None:
    status = empty("status", environ=environ).stdout
    assert "Settings " in status
    doctor = empty("doctor", code=1, environ=environ).stdout
    assert "FAIL  Settings" in doctor
    for text in says:
        assert text in status
        assert text in doctor


@pytest.mark.parametrize("command", [["status"], ["doctor"], ["search", "cat"], ["run"], ["labels"]])
@pytest.mark.slow
def test_every_command_refuses_a_schedule_that_is_none(empty: Tagger, command: list[str]) -> None:
    done = empty(*command, code=2, environ={"TAGGER_SERVICE_UPKEEP": "99 4 * * *"})
    assert "the minute is from 0 to 59, not 99" in done.stderr


@pytest.mark.slow
def test_a_time_zone_that_is_none_is_told_and_stops_nothing(empty: Tagger) -> None:
    done = empty("status", environ={"TZ": "Europe/Berln"})
    assert "Did you mean Europe/Berlin?" in done.stderr
    assert "warn  Time zone" in empty("doctor", code=None, environ={"TZ": "Europe/Berln"}).stdout
    for zone in ("CET-1CEST,M3.5.0,M10.5.0/3", "UTC+2", '"Europe/Berlin"', ":Europe/Berlin", ""):
        assert empty("status", environ={"TZ": zone}).stderr == ""


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_a_user_without_a_home_is_told_to_name_a_place(empty: Tagger, tmp_path: Path) -> None:
    environ = {name: value for name, value in empty.environment().items() if name not in ("HOME", "TAGGER_DATA_DIR")}
    command = ["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups", str(COMMAND)]
    if subprocess.run([*command, "--version"], check=False, capture_output=True, env=environ).returncode:
        pytest.skip("that user cannot run this Python")
    done = subprocess.run([*command, "status"], check=False, capture_output=True, text=True, env=environ)
    assert done.returncode == 2
    assert "User 54321 has no home folder here" in done.stderr
    assert "TAGGER_DATA_DIR" in done.stderr
    done = subprocess.run(
        [*command, "--data-dir", str(tmp_path / "none"), "status"],
        check=False,
        capture_output=True,
        text=True,
        env=environ,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 4


def test_a_data_directory_that_cannot_be_written_is_called_that(bare: Tagger) -> None:
    bare.environ["TAGGER_DATA_DIR"] = "/proc/tagger"
    done = bare("model", "use", "mobilenet_v2", code=None)
    assert done.returncode != 0
    assert "data directory" in done.stderr.lower()
    assert "--data-dir" in done.stderr


def test_a_reload_knows_what_takes_a_restart(tmp_path: Path) -> None:
    old = Settings(data_dir=tmp_path)
    new = Settings(
        data_dir=tmp_path / "other",
        web=WebSettings(listen="127.0.0.1:1"),
        service=ServiceSettings(log="json", rescan="1h"),
    )
    assert changed_for_restart(old, new) == ["data_dir", "service.log", "web.listen"]
    assert changed_for_restart(old, old) == []
