"""`tagger config`: every setting, where it comes from, what makes no sense, and no secret."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest

from tagger.core.config import Settings
from tagger.core.config_sources import setting_keys
from tagger.core.secrets import without_passwords
from tagger.core.toml_files import lines_of_keys
from tests.cli.runner import Tagger

FILE = """\
database = "postgresql://me:hush@nas/tagger"

model.name = "mobilenet_v2"

[labels]
silence = [
  "web site",   # [not a section]
]
[labels.rename]
"Egyptian cat" = "cat"

[service]
rescan = "1h"
"""


@pytest.fixture
def configured(bare: Tagger) -> Tagger:
    (bare.home / "config.toml").write_text(FILE)
    bare.environ["TAGGER_CONFIG"] = str(bare.home / "config.toml")
    return bare


def test_each_setting_tells_where_it_comes_from(configured: Tagger) -> None:
    file = str(configured.home / "config.toml")
    (configured.data).mkdir()
    (configured.data / "rules.toml").write_text('[labels]\nsilence = ["envelope"]\n')
    secret = configured.home / "threads"
    secret.write_text("3")
    environ = {"TAGGER_SERVICE_NICE": "4", "TAGGER_ENGINE_THREADS_FILE": str(secret), "TAGGER_SERVICE_RESCAN": "2h"}
    done = configured("--data-dir", configured.data, "config", "--json", environ=environ)
    told = json.loads(done.stdout)
    assert told["config"] == file
    assert list(told["settings"]) == list(setting_keys())

    def origin(key: str) -> list[tuple[str, str, int | None]]:
        return [(one["kind"], one["name"], one["line"]) for one in told["settings"][key]["sources"]]

    assert origin("database") == [("file", file, 1)]
    assert origin("model.name") == [("file", file, 3)]
    assert origin("labels.silence") == [("file", file, 6), ("file", str(configured.data / "rules.toml"), 2)]
    assert told["settings"]["labels.silence"]["value"] == ["web site", "envelope"]
    assert origin("labels.rename") == [("file", file, 9)]
    assert origin("service.rescan") == [("environment", "TAGGER_SERVICE_RESCAN", None)]
    assert origin("service.nice") == [("environment", "TAGGER_SERVICE_NICE", None)]
    assert origin("engine.threads") == [("environment", "TAGGER_ENGINE_THREADS_FILE", None)]
    assert origin("data_dir") == [("command line", "", None)]
    assert origin("web.listen") == [("default", "", None)]


def test_what_the_library_remembers_is_told(bare: Tagger) -> None:
    bare("model", "use", "mobilenet_v2")
    told = json.loads(bare("config", "--json", "model.name").stdout)["settings"]["model.name"]
    assert told["value"] == "mobilenet_v2"
    assert told["sources"] == [{"kind": "file", "name": str(bare.data / "model.toml"), "line": 4}]


def test_the_output_is_a_config_file_that_gives_the_same(configured: Tagger, tmp_path: Path) -> None:
    configured.environ["TAGGER_DATABASE"] = ""
    told = configured("config").stdout
    assert tomllib.loads(told)["labels"] == {
        **Settings(data_dir=tmp_path).labels.model_dump(mode="json", exclude={"show_threshold"}),
        "silence": ["web site"],
        "rename": {"Egyptian cat": "cat"},
    }
    again = tmp_path / "again.toml"
    again.write_text(told)
    values = [
        {key: one["value"] for key, one in json.loads(done.stdout)["settings"].items()}
        for done in (configured("config", "--json"), configured("--config", again, "config", "--json"))
    ]
    assert values[0] == values[1]


def test_some_settings_only(configured: Tagger) -> None:
    assert set(json.loads(configured("config", "--json", "web", "model.name").stdout)["settings"]) == {
        "model.name",
        *(key for key in setting_keys() if key.startswith("web.")),
    }
    changed = json.loads(configured("config", "--json", "--changed").stdout)["settings"]
    assert set(changed) == {"data_dir", "database", "intake.settle_seconds", "model.name", "model.source"} | {
        "labels.silence",
        "labels.rename",
        "service.rescan",
    }
    assert "Did you mean model.name?" in configured("config", "model.nam", code=2).stderr


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"TAGGER_MODEL_NAME": "resnet51"}, "resnet50"),
        ({"TAGGER_LABELS_SILENCE": '["tigr"]'}, "labels.silence: there is no label 'tigr'."),
        ({"TAGGER_MODEL_NAME": "resnet51", "TAGGER_LABELS_SILENCE": '["tigr"]'}, "labels.silence"),
        ({"TAGGER_LABELS_THRESHOLDS": '{"tigr" = 0.5}'}, "labels.thresholds"),
        ({"TAGGER_MODEL_NAME": "vgg16", "TAGGER_MODEL_WEIGHTS": "/nowhere.h5"}, "/nowhere.h5"),
        ({"TAGGER_SERVICE_UPKEEP": "99 4 * * *"}, "the minute is from 0 to 59, not 99"),
        ({"TAGGER_DATABASE": "mysql://nas/tagger"}, "is no database that tagger can use"),
        ({"TAGGER_CLUSTER_ADDRESS": "local"}, "Several machines need the library in PostgreSQL"),
        (
            {"TAGGER_WEB_ENABLED": "true", "TAGGER_WEB_LISTEN": "[::]:80", "TAGGER_SERVICE_HEALTH": "[::]:80"},
            "service.health and web.listen are both [::]:80.",
        ),
        ({"TAGGER_CONFIG": "/nowhere.toml"}, "There is no config file /nowhere.toml."),
    ],
)
def test_what_makes_no_sense_is_told_with_an_exit_code(bare: Tagger, setting: dict[str, str], says: str) -> None:
    done = bare("config", "--check", code=2, environ=setting)
    assert says in done.stderr
    assert done.stdout == ""
    told = json.loads(bare("config", "--check", "--json", code=2, environ=setting).stdout)
    assert says in " ".join(fault["text"] + fault.get("cure", "") for fault in told["faults"])
    assert not bare.data.exists()


def test_a_missing_driver_is_told_as_by_the_command_that_needs_it(bare: Tagger, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "from importlib.machinery import PathFinder\n"
        "found = PathFinder.find_spec\n"
        "PathFinder.find_spec = lambda name, *where: None if name == 'psycopg' else found(name, *where)\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environ = {"TAGGER_DATABASE": "postgresql://nobody@nowhere/none", "PYTHONPATH": path}
    checked = bare("config", "--check", code=2, environ=environ).stderr
    assert "pip install 'tagger-photos[postgres]'" in checked
    assert bare("status", code=4, environ=environ).stderr.removeprefix("tagger: ") in checked


def test_what_makes_sense_has_no_faults(configured: Tagger) -> None:
    assert configured("config", "--check").stdout == "The settings make sense.\n"
    assert configured("config", "--check", "-q").stdout == ""
    assert json.loads(configured("config", "--check", "--json").stdout)["faults"] == []
    assert not configured.data.exists()


def test_no_secret_is_printed(bare: Tagger) -> None:
    hush = "hush-hush"
    environ = {
        "TAGGER_WEB_PASSWORD_HASH": f"$argon2id${hush}",
        "TAGGER_DATABASE": f"postgresql://me:{hush}@nas/tagger?password={hush}",
        "TAGGER_MODEL_SOURCE": f"https://me:{hush}@nas.local/weights/",
        "TAGGER_CLUSTER_ADDRESS": f"ray://me:{hush}@nas:10001",
    }
    for options in ([], ["--json"], ["--check"], ["-v"]):
        done = bare("config", *options, code=None, environ=environ)
        assert hush not in done.stdout + done.stderr
    # Also where it is wrong.
    for name in ("TAGGER_WEB_PASSWORD_HASH", "TAGGER_CLUSTER_ADDRESS"):
        done = bare("config", code=2, environ={name: f"x://y:{hush}@ z"})
        assert hush not in done.stdout + done.stderr
    done = bare("config", "--check", code=2, environ={"TAGGER_DATABASE": f"mysql://me:{hush}@nas/tagger"})
    assert hush not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:a@b/c:d@nas/tagger", "postgresql://me:***@nas/tagger"),
        (
            "postgresql://nas/tagger?sslmode=require&password=a%20b&x=1",
            "postgresql://nas/tagger?sslmode=require&password=***&x=1",
        ),
        ("postgresql://me@nas/tagger", "postgresql://me@nas/tagger"),
        ("sqlite:////volume1/a:b@c.db", "sqlite:////volume1/a:b@c.db"),
        ("10.0.0.5:6379", "10.0.0.5:6379"),
    ],
)
def test_passwords_of_addresses(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


def test_lines_of_keys_are_those_of_statements() -> None:
    text = 'a = """\n[b]\nc = 1\n"""\n\n[d]\n# e = 1\ne = [\n  "]",\n]\n[f.g]\nh = 1\n[d.i]\n[d.j]\nk = {l = 1}\n'
    assert lines_of_keys(text) == {"a": 1, "d": 6, "d.e": 8, "f.g": 11, "d.i": 13, "d.j": 14}


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:geheim@nas:port/tagger",
        "postgresql://u:geheim@[::1/tagger",
        "postgresql:/u:geheim@nas/tagger",
        "postgresql//u:ge:hei/m@nas/tagger",
        "u:geheim@nas/tagger",
        "mysql://u:geheim@nas/tagger",
        "nosuch+driver://u:geheim@nas/tagger?password=geheim",
    ],
)
def test_an_address_that_is_none_is_told_without_its_password(bare: Tagger, address: str) -> None:
    for command in (["status"], ["config", "--check"]):
        said = bare(*command, code=None, environ={"TAGGER_DATABASE": address}).stderr
        assert "is no database that tagger can use" in said
        assert "geheim" not in said.replace(":", "").replace("/", "")
