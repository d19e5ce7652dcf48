"""The files of deploy/ work as they are shipped, on a machine that has nothing of them yet."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

import tagger
from tagger.core.config_sources import default_config_file, load_settings, unknown_variables
from tests.cli.gallery import make_photos
from tests.deploy.machine import TOP, Machine, cannot

DEPLOY = TOP / "deploy"
QUIET = {"TAGGER_MODEL_SOURCE": "http://127.0.0.1:9/", "TAGGER_INTAKE_SETTLE_SECONDS": "0"}


def unit() -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, strict=True)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read(DEPLOY / "tagger.service")
    return found


def environment_of_unit() -> dict[str, str]:
    return dict(part.split("=", 1) for part in shlex.split(unit()["Service"]["Environment"]))


def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def dockerfile() -> list[str]:
    """Its instructions, each in one line."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    return [re.sub(r"\s+", " ", line) for line in text.splitlines() if line and not line.startswith("#")]


def environment_of_image() -> dict[str, str]:
    [line] = [line for line in dockerfile() if line.startswith("ENV ")]
    return dict(part.split("=", 1) for part in shlex.split(line)[1:])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    make_photos(tmp_path / "photos")
    return tmp_path / "photos"


def needs_machine() -> None:
    why = cannot()
    if why:
        pytest.skip(why)


def test_what_the_unit_needs_is_optional_or_made() -> None:
    service = unit()["Service"]
    assert service["EnvironmentFile"].startswith("-")
    assert service["StateDirectory"] == service["RuntimeDirectory"] == "tagger"
    # A folder that is named there and is missing keeps the service from starting.
    assert "ReadOnlyPaths" not in service
    assert "ReadWritePaths" not in service
    assert "TAGGER_CONFIG" not in (DEPLOY / "tagger.service").read_text()


def test_the_unit_s_config_file_is_where_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment_of_unit().items():
        monkeypatch.setenv(name, value)
    assert str(default_config_file()) == "/etc/tagger/config.toml"
    assert "/etc/tagger/config.toml" in (DEPLOY / "tagger.service").read_text()


@pytest.mark.parametrize("page", ["deploy/tagger.service", "docs/service.md"])
def test_the_commands_that_make_what_the_unit_needs_are_told(page: str) -> None:
    text = (TOP / page).read_text()
    service = unit()["Service"]
    for command in (
        f"useradd --system --user-group --home-dir /var/lib/tagger --shell /usr/sbin/nologin {service['User']}",
        "python3 -m venv /opt/tagger",
        "/opt/tagger/bin/pip install .",
        "deploy/tagger.service /etc/systemd/system/tagger.service",
        "systemctl daemon-reload && sudo systemctl enable --now tagger",
    ):
        assert command in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    # The binary is not installed here; everything else must be right.
    there = tmp_path / "tagger.service"
    there.write_text((DEPLOY / "tagger.service").read_text().replace("/opt/tagger/bin/tagger", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", str(there)], capture_output=True, text=True, check=False)
    about = [line for line in done.stderr.splitlines() if "tagger" in line]
    assert about == []


@pytest.mark.slow
def test_the_unit_s_command_labels_photos_as_its_user_with_the_folders_it_declares(photos: Path) -> None:
    needs_machine()
    service = unit()["Service"]
    environ = environment_of_unit()
    writable = {
        f"/var/lib/{service['StateDirectory']}": int(service["StateDirectoryMode"], 8),
        f"/run/{service['RuntimeDirectory']}": 0o700,
    }
    start = shlex.split(service["ExecStart"])
    machine = Machine(997, 996, photos, "/srv/photos", "/opt/tagger", writable, {**environ, **QUIET})
    said = machine.run(start, [start[0], *start[1:3], "search", "espresso"], "/srv/photos/coffee")
    assert "/srv/photos/coffee" in said, said
    assert "'READY=1'" in said
    assert "ended with 0" in said
    files = re.findall(r"^(\d+:\d+) /mnt(\S+)$", said, re.M)
    assert ("997:996", "/var/lib/tagger/library.db") in files
    assert {owner for owner, _ in files} == {"997:996"}


def image() -> tuple[int, list[str], list[str]]:
    """The mode of /data, what the image starts, and what it runs then."""
    [made] = re.findall(r"mkdir /data /photos && chmod (\d+) /data", "\n".join(dockerfile()))
    text = "\n".join(dockerfile())
    [entry], [command] = (re.findall(rf"^{name} (\[.*\])$", text, re.M) for name in ("ENTRYPOINT", "CMD"))
    assert json.loads(entry) == ["tagger"]
    return int(made, 8), [str(DEPLOY / "tagger")], json.loads(command)


@pytest.mark.slow
@pytest.mark.parametrize("user", ["1000:1000", "1026:100"])
def test_the_container_s_command_labels_photos_whoever_it_runs_as(photos: Path, user: str) -> None:
    needs_machine()
    made, entry, command = image()
    number, group = map(int, user.split(":"))
    # A new named volume takes over owner and mode of the image's folder.
    environ = {**environment_of_image(), **QUIET}
    machine = Machine(number, group, photos, "/photos", "/opt/tagger", {"/data": made}, environ)
    said = machine.run([*entry, *command], [*entry, "search", "espresso"], "/photos/coffee")
    assert "/photos/coffee" in said, said
    assert "ended with 0" in said
    assert {owner for owner, _ in re.findall(r"^(\d+:\d+) /mnt(\S+)$", said, re.M)} == {user}


@pytest.mark.slow
def test_started_as_root_it_gives_the_data_to_the_user_that_is_named_and_becomes_it(photos: Path) -> None:
    needs_machine()
    _, entry, command = image()
    [service] = compose()["services"].values()
    assert service["cap_drop"] == ["ALL"]
    environ = {**environment_of_image(), **QUIET, "PUID": "1026", "PGID": "100", "UMASK": "027"}
    # 0700 and root's, as Docker makes a folder; `docker exec` asks as root, too.
    machine = Machine(0, 0, photos, "/photos", "/opt/tagger", {"/data": 0o700}, environ, service["cap_add"])
    said = machine.run([*entry, *command], [*entry, "search", "espresso"], "/photos/coffee")
    assert "/photos/coffee" in said, said
    assert "ended with 0" in said
    assert {owner for owner, _ in re.findall(r"^(\d+:\d+) /mnt(\S+)$", said, re.M)} == {"1026:100"}


@pytest.mark.parametrize("named", [{"PUID": "tom"}, {"PGID": "-1"}, {"UMASK": "9"}])
def test_what_is_no_user_is_refused(named: dict[str, str]) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root becomes somebody else")
    done = subprocess.run([DEPLOY / "tagger"], env={**os.environ, **named}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "umask" in done.stderr or "is no number. 'id -u' and 'id -g' print" in done.stderr


@pytest.mark.parametrize(("code", "well"), [(200, 0), (503, 1), (None, 1)])
def test_the_health_check_tells_whether_the_service_is_well(code: int | None, well: int) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/healthz"
            self.send_response(code or 0)
            self.end_headers()
            self.wfile.write(b"why")

        def log_message(self, *about: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        port = server.server_port
        if code is not None:
            threading.Thread(target=server.handle_request).start()
        else:
            server.server_close()
        done = subprocess.run(
            [DEPLOY / "healthcheck"],
            env={**os.environ, "TAGGER_SERVICE_HEALTH": f"127.0.0.1:{port}"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == well
    assert (done.stdout == "why\n") == (code is not None)


def test_the_compose_file_is_one_and_fits_the_image() -> None:
    found = compose()
    # https://github.com/compose-spec/compose-spec/blob/main/spec.md
    assert set(found) <= {"name", "services", "volumes", "networks", "configs", "secrets"}
    [service] = found["services"].values()
    attributes = {"build", "restart", "environment", "ports", "volumes", "mem_limit", "read_only", "tmpfs"}
    assert set(service) <= {*attributes, "stop_grace_period", "security_opt", "cap_drop", "cap_add"}
    assert int(service["stop_grace_period"].removesuffix("s")) > load_settings(environ={}).service.stop_seconds
    # Numbers with a colon would be read as sexagesimal, and true as a boolean, which an environment has not.
    assert all(isinstance(value, str) for value in service["environment"].values())
    sources = dict(volume.split(":")[1::-1] for volume in service["volumes"])
    # A volume, not a folder, which Docker would make for root.
    assert sources["/data"] in found["volumes"]
    assert sources["/photos"].startswith("/")
    build = service["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).samefile(DEPLOY / "Dockerfile")
    assert environment_of_image()["TAGGER_DATA_DIR"] == "/data"
    assert f"VOLUME {environment_of_image()['HOME']}" in dockerfile()


def test_the_compose_file_is_valid_by_the_schema_of_the_specification() -> None:
    """The schema is the Compose specification's own, as check-jsonschema carries it."""
    check = Path(sys.executable).parent / "check-jsonschema"
    command = [check, "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_images_carry_the_labels_of_the_opencontainers_specification() -> None:
    """https://github.com/opencontainers/image-spec/blob/main/annotations.md"""
    text = "\n".join(dockerfile())
    [line] = [line for line in dockerfile() if line.startswith("LABEL ")]
    labels = dict(part.split("=", 1) for part in shlex.split(line)[1:])
    prefix = "org.opencontainers.image."
    assert {name.removeprefix(prefix) for name in labels} == {
        *("title", "description", "licenses", "version", "revision", "created", "source")
    }
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    assert labels[prefix + "licenses"] == project["license"]
    assert labels[prefix + "description"] == project["description"]
    assert f"ARG VERSION={tagger.__version__}" in text
    for name, value in labels.items():
        if value.startswith("$"):
            assert f"ARG {name.removeprefix(prefix).upper()}=" in text


def test_the_bake_file_builds_both_images_for_both_processors() -> None:
    """https://docs.docker.com/build/bake/reference/"""
    bake = json.loads((DEPLOY / "docker-bake.json").read_text())
    assert bake["variable"]["VERSION"]["default"] == tagger.__version__
    common = bake["target"].pop("common")
    assert common["platforms"] == ["linux/amd64", "linux/arm64"]
    assert (TOP / common["context"] / common["dockerfile"]).is_file()
    assert bake["group"]["default"]["targets"] == list(bake["target"])
    stages = re.findall(r"^FROM \S+ AS (\S+)$", "\n".join(dockerfile()), re.M)
    tags = [tag for target in bake["target"].values() for tag in target["tags"]]
    assert len(set(tags)) == len(tags) == 4
    for target in bake["target"].values():
        assert target["inherits"] == ["common"]
        assert target["target"] in stages
    used = set(re.findall(r"\$\{(\w+)\}", json.dumps([common, bake["target"]])))
    assert used == set(bake["variable"])
    assert set(common["args"]) <= set(re.findall(r"^ARG (\w+)=", "\n".join(dockerfile()), re.M))


def test_what_the_image_is_made_of_is_there() -> None:
    copied = [part for line in dockerfile() if line.startswith("COPY ") for part in line.split()[1:-1]]
    assert copied
    assert [part for part in copied if not (TOP / part).exists()] == []


def test_every_setting_of_the_compose_file_is_one_also_those_that_are_commented_out(tmp_path: Path) -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    named = dict(re.findall(r"^ +(?:# )?(TAGGER_\w+): (.+)$", text, re.M))
    assert {"TAGGER_WEB_HOSTS", "TAGGER_WEB_TRUSTED_PROXIES", "TAGGER_WEB_PASSWORD_HASH"} <= set(named)
    environ = {name: str(yaml.safe_load(value)).replace("$$", "$") for name, value in named.items()}
    environ |= {**environment_of_image(), "TAGGER_DATA_DIR": str(tmp_path)}
    environ = {name: value for name, value in environ.items() if name.startswith("TAGGER_")}
    assert unknown_variables(environ) == ""
    # The one or the other; the file is Docker's.
    assert environ.pop("TAGGER_WEB_PASSWORD_HASH_FILE").startswith("/run/secrets/")
    settings = load_settings(environ=environ, config_file=None)
    assert settings.web.enabled
    assert settings.web.hosts == ("nas", "nas.local")
