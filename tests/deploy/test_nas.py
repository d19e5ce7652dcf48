"""What the how-to pages for NAS makers have one copy is made of settings and of what the image has."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import yaml

from tagger.core.config_sources import load_settings, unknown_variables
from tests.deploy.machine import TOP
from tests.documented import blocks

PAGES = TOP / "docs" / "how-to"
# What the entry point takes beside settings (deploy/tagger), and the C library.
OF_THE_IMAGE = {"PUID", "PGID", "UMASK", "TZ"}
RIGHTS = {"CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID"}


def makes_sense(environment: dict[str, str], data: Path) -> None:
    assert environment.keys() >= {"PUID", "PGID"}
    environ = {name: value for name, value in environment.items() if name not in OF_THE_IMAGE}
    assert unknown_variables(environ) == ""
    settings = load_settings(config_file=None, environ={**environ, "TAGGER_DATA_DIR": str(data)})
    assert settings.web.enabled
    assert settings.web.listen == "0.0.0.0:8643"


def test_the_template_for_unraid(tmp_path: Path) -> None:
    template = ElementTree.parse(TOP / "deploy" / "unraid" / "tagger.xml").getroot()
    assert (template.tag, template.get("version")) == ("Container", "2")
    configs = template.findall("Config")
    fields = {"Name", "Target", "Default", "Mode", "Description", "Type", "Display", "Required", "Mask"}
    assert all(set(config.attrib) == fields for config in configs)
    kinds = {
        kind: {config.get("Target") for config in configs if config.get("Type") == kind} for kind in ("Path", "Port")
    }
    assert kinds == {"Path": {"/photos", "/data"}, "Port": {"8643"}}
    makes_sense(
        {str(one.get("Target")): str(one.get("Default")) for one in configs if one.get("Type") == "Variable"}, tmp_path
    )
    said = (template.findtext("ExtraParams") or "").split()
    assert {word.removeprefix("--cap-add=") for word in said if word.startswith("--cap-add=")} == RIGHTS
    assert template.findtext("Repository") in (PAGES / "unraid.md").read_text(encoding="utf-8")


def test_the_yaml_for_truenas(tmp_path: Path) -> None:
    [text] = [block.text for block in blocks(PAGES / "truenas.md") if block.language == "yaml"]
    [service] = yaml.safe_load(text)["services"].values()
    [shipped] = yaml.safe_load((TOP / "deploy" / "compose.yaml").read_text())["services"].values()
    makes_sense(service["environment"], tmp_path)
    assert {volume.split(":")[1] for volume in service["volumes"]} == {"/photos", "/data"}
    # The rest is that of the compose file.
    assert set(service) - {"image", "pull_policy"} == set(shipped) - {"build"}
    for key in (
        "restart",
        "stop_grace_period",
        "ports",
        "mem_limit",
        "read_only",
        "tmpfs",
        "security_opt",
        "cap_drop",
        "cap_add",
    ):
        assert service[key] == shipped[key], key


def test_the_environment_for_traefik(tmp_path: Path) -> None:
    [text] = [block.text for block in blocks(PAGES / "reverse-proxy.md") if block.language == "yaml"]
    environ = yaml.safe_load(text)["environment"]
    settings = load_settings(config_file=None, environ={**environ, "TAGGER_DATA_DIR": str(tmp_path)})
    assert settings.web.hosts == ("photos.example.org",)
    assert yaml.safe_load(text)["labels"]["traefik.http.services.tagger.loadbalancer.server.port"] == "8643"
