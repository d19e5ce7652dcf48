"""The manifest for KubeRay has the fields that KubeRay's API (ray.io/v1) and Kubernetes' have; its options exist."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from tagger.cli import backfill
from tagger.core.config_sources import environment_name, setting_keys

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "cluster"
# RayJobSpec, RayClusterSpec, HeadGroupSpec and WorkerGroupSpec, as far as they are needed here: name and type.
_JOB = {
    "entrypoint": str,
    "shutdownAfterJobFinishes": bool,
    "ttlSecondsAfterFinished": int,
    "backoffLimit": int,
    "activeDeadlineSeconds": int,
    "runtimeEnvYAML": str,
    "submissionMode": str,
    "rayClusterSpec": dict,
}
_CLUSTER = {"rayVersion": str, "headGroupSpec": dict, "workerGroupSpecs": list, "enableInTreeAutoscaling": bool}
_HEAD = {"rayStartParams": dict, "template": dict, "serviceType": str}
_WORKERS = {
    "groupName": str,
    "replicas": int,
    "minReplicas": int,
    "maxReplicas": int,
    "rayStartParams": dict,
    "template": dict,
}
_POD = {"containers": list, "volumes": list, "terminationGracePeriodSeconds": int}
_CONTAINER = {"name": str, "image": str, "env": list, "resources": dict, "volumeMounts": list}


def manifest() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "rayjob.yaml").read_text())
    return found


def assert_fields(found: dict[str, Any], known: dict[str, type]) -> None:
    for name, value in found.items():
        assert type(value) is known[name], name


def test_each_field_is_one_of_its_kind() -> None:
    job = manifest()
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert_fields(job["spec"], _JOB)
    cluster = job["spec"]["rayClusterSpec"]
    assert_fields(cluster, _CLUSTER)
    assert_fields(cluster["headGroupSpec"], _HEAD)
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for workers in cluster["workerGroupSpecs"]:
        assert_fields(workers, _WORKERS)
        assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
    for group in groups:
        # A map of texts, also where they are numbers.
        assert {type(value) for value in group["rayStartParams"].values()} <= {str}
        assert set(group["template"]) == {"spec"}
        assert_fields(group["template"]["spec"], _POD)
        [container] = group["template"]["spec"]["containers"]
        assert_fields(container, _CONTAINER)
        for kind in ("limits", "requests"):
            assert set(container["resources"][kind]) == {"cpu", "memory"}


def test_the_command_and_its_settings_exist() -> None:
    spec = manifest()["spec"]
    program, command, *given = shlex.split(spec["entrypoint"])
    assert (program, command) == ("tagger", "backfill")
    known = {name for parameter in backfill.command.params for name in parameter.opts}
    assert {word for word in given if word.startswith("-")} <= known
    [head] = spec["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"]
    settings = {environment_name(key) for key in setting_keys()}
    assert {one["name"] for one in head["env"]} <= settings | {"RAY_USAGE_STATS_ENABLED"}
    for one in head["env"]:
        # Secrets are not written down in a manifest.
        assert ("valueFrom" in one) == one["name"].endswith(("_DATABASE", "_KEY"))


def test_the_image_has_the_ray_that_the_manifest_names() -> None:
    version = manifest()["spec"]["rayClusterSpec"]["rayVersion"]
    assert f"\nray=={version}\n" in (FOLDER.parent / "constraints.txt").read_text()
    assert f"FROM rayproject/ray:{version}-py311\n" in (FOLDER / "Dockerfile").read_text()


@pytest.mark.slow
def test_ray_has_the_options() -> None:
    pytest.importorskip("ray")
    from ray.scripts import scripts

    known = {name for parameter in scripts.start.params for name in (*parameter.opts, *parameter.secondary_opts)}
    cluster = manifest()["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert {f"--{name}" for name in group["rayStartParams"]} <= known
