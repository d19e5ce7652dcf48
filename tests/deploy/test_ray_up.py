"""The example for `ray up` is what Ray and tagger take."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml
from click import Command

from tagger.cli import backfill

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "cluster" / "ray-up.yaml"


@pytest.mark.slow
def test_ray_takes_the_example_and_each_of_its_commands_options() -> None:
    pytest.importorskip("ray")
    from ray.autoscaler._private.util import prepare_config, validate_config
    from ray.scripts import scripts

    config = yaml.safe_load(EXAMPLE.read_text())
    validate_config(prepare_config(config))
    for line in config["head_start_ray_commands"] + config["worker_start_ray_commands"]:
        program, command, *given = shlex.split(line)
        assert program == "tagger-cluster/bin/ray"
        assert_known(getattr(scripts, command), given)
    [line] = [line for line in EXAMPLE.read_text().splitlines() if "tagger backfill" in line]
    _, command, *given = shlex.split(line.partition('"')[2].rpartition('"')[0])
    assert command == "backfill"
    assert_known(backfill.command, given)
    assert given[1] == f"{config['provider']['head_ip']}:6379"


def assert_known(command: Command, given: list[str]) -> None:
    """A command has the options that it is given."""
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word.partition("=")[0] for word in given if word.startswith("-")} <= known
