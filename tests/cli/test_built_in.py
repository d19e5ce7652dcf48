"""The first command on any machine: with the model in the package, and without a network, AVX, memory or weights."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tagger.core.config import Settings
from tagger.inference import light_model
from tagger.inference.registry import REGISTRY
from tests.cli.gallery import PHOTOS
from tests.cli.runner import COMMAND, MOBILENET, Tagger
from tests.cli.service import running, wait_for
from tests.inference.web import Site, serve

CAT, COFFEE = PHOTOS / "cat.jpg", PHOTOS / "coffee.jpg"
COUNT = len(list(PHOTOS.glob("*.jpg")))
OLD_PROCESSOR = "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu sse sse2 ssse3 sse4_1 sse4_2 popcnt\n"


def without(tmp_path: Path, *, network: bool = True, avx: bool = True, memory_kb: int = 0) -> list[str]:
    """What starts a command in namespaces where the machine lacks something. Skips where there are none."""
    mounts = []
    if not avx:
        (tmp_path / "cpuinfo").write_text(OLD_PROCESSOR)
        mounts.append((tmp_path / "cpuinfo", "/proc/cpuinfo"))
    if memory_kb:
        (tmp_path / "meminfo").write_text(f"MemTotal: {memory_kb} kB\nMemFree: 1 kB\nMemAvailable: {memory_kb} kB\n")
        mounts.append((tmp_path / "meminfo", "/proc/meminfo"))
    script = "".join(f'mount --bind "{file}" {place} && ' for file, place in mounts) + 'exec "$@"'
    unshare = ["unshare", "-Urm" if network else "-Urmn", "sh", "-c", script, "sh"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no user namespaces here")
    return unshare


def run(tagger: Tagger, namespace: Sequence[str], *arguments: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*namespace, COMMAND, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        env=tagger.environment(),
    )
    assert "Traceback" not in done.stderr
    return done


def peaks(process: subprocess.Popen[str]) -> dict[str, int]:
    """The most memory of a process and of its children while it runs, in kB by process id."""
    found: dict[str, int] = {}
    while process.poll() is None:
        try:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            for each in (str(process.pid), *children):
                status = Path(f"/proc/{each}/status").read_text()
                found[each] = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        except (OSError, StopIteration):
            # It has ended in between.
            continue
        time.sleep(0.02)
    return found


@pytest.fixture
def fresh(tmp_path: Path) -> Tagger:
    """A tagger as it is after installation."""
    (tmp_path / "home").mkdir()
    return Tagger(tmp_path / "home")


@pytest.mark.slow
def test_without_any_route_the_first_command_labels_and_says_why(fresh: Tagger, tmp_path: Path) -> None:
    namespace = without(tmp_path, network=False)
    done = run(fresh, namespace, "backfill", PHOTOS)
    assert done.returncode == 0, done.stderr
    assert f"{COUNT} photos labelled" in done.stdout
    # One sentence: what labels, why, and what happens next.
    [note] = [line for line in done.stderr.splitlines() if "resnet50" in line]
    for part in ("could not be fetched", "efficientnet_lite2, the model in the package", "tagger run", "model fetch"):
        assert part in note
    assert "Most often: " in done.stdout
    assert "tagger search " in done.stderr
    assert "tagger web" in done.stderr
    assert run(fresh, namespace, "search", "cat").stdout.splitlines() == [str(CAT)]
    # Nothing is left to do, and nothing is tried twice.
    assert "Nothing to do" in run(fresh, namespace, "backfill").stdout


@pytest.mark.slow
def test_an_old_processor_labels_with_it_and_fetches_nothing(fresh: Tagger, tmp_path: Path) -> None:
    with serve(Site(b"x" * 1000)) as site:
        fresh.environ["TAGGER_MODEL_SOURCE"] = site.address
        namespace = without(tmp_path, avx=False)
        done = run(fresh, namespace, "backfill", PHOTOS)
        assert site.requests == []
    assert done.returncode == 0, done.stderr
    assert f"{COUNT} photos labelled" in done.stdout
    assert "no AVX instructions" in done.stderr
    assert "tagger model use efficientnet_lite2" in done.stderr
    assert run(fresh, namespace, "search", "cat").stdout.splitlines() == [str(CAT)]
    assert "no AVX instructions" in run(fresh, namespace, "status").stdout
    findings = {one["about"]: one for one in json.loads(run(fresh, namespace, "doctor", "--json").stdout)}
    assert findings["Engine"]["text"].startswith("LiteRT")
    # As it advises: then all is well.
    assert run(fresh, namespace, "model", "use", "efficientnet_lite2").returncode == 0
    assert "AVX" not in run(fresh, namespace, "status").stdout
    assert "Nothing to do" in run(fresh, namespace, "backfill").stdout


@pytest.mark.slow
def test_with_too_little_memory_for_tensorflow_it_labels(fresh: Tagger, tmp_path: Path) -> None:
    done = run(fresh, without(tmp_path, memory_kb=900_000), "backfill", "--offline", PHOTOS)
    assert done.returncode == 0, done.stderr
    assert f"{COUNT} photos labelled" in done.stdout
    assert "878 MB of memory" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("version", [0, 2])
def test_weights_that_are_still_being_copied_are_not_taken(fresh: Tagger, version: int) -> None:
    """An HDF5 file's superblock says how long it is."""
    place = fresh.data / "models" / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"
    place.parent.mkdir(parents=True)
    start = b"\x89HDF\r\n\x1a\n" + bytes([version]) + bytes(31 if version == 0 else 19)
    place.write_bytes(start + (14_000_000).to_bytes(8, "little") + bytes(5000))
    done = fresh("backfill", "--offline", "--model", "mobilenet_v2", PHOTOS)
    assert f"{place} is not whole: " in done.stderr
    assert f"{COUNT} photos labelled" in done.stdout
    assert not place.with_name(f"{place.name}.sha256").exists()


@pytest.mark.slow
def test_a_wrong_checksum_leads_to_it(fresh: Tagger) -> None:
    with serve(Site(b"not what Keras published" * 1000)) as site:
        done = fresh("backfill", PHOTOS, environ={"TAGGER_MODEL_SOURCE": site.address})
    assert "is not the file that Keras published" in done.stderr
    assert f"{COUNT} photos labelled" in done.stdout
    assert not list((fresh.data / "models").glob("resnet50*.h5"))


@pytest.mark.slow
def test_parent_and_child_need_less_than_350_megabytes_and_no_tensorflow(fresh: Tagger) -> None:
    process = fresh.start("backfill", "--offline", PHOTOS)
    found = peaks(process)
    said, _ = process.communicate()
    assert f"{COUNT} photos labelled" in said
    assert len(found) == 2
    assert 80_000 < sum(found.values()) < 350_000
    maps = fresh.json("doctor", code=None)
    assert next(one for one in maps if one["about"] == "Engine")["text"].startswith("LiteRT")


@pytest.mark.slow
def test_why_another_model_labels_is_told_where_it_matters(fresh: Tagger) -> None:
    offline = {"TAGGER_MODEL_FETCH": "never"}
    # It looks instead of the wanted one, just now.
    for command in ("explain", "classify"):
        assert 'model.fetch is "never"' in fresh(command, CAT, environ=offline).stderr
    fresh("backfill", "--offline", PHOTOS)
    status = fresh.json("status")
    assert (status["model"]["labels"], status["model"]["wanted"]) == ("efficientnet_lite2", "resnet50")
    assert "are not here" in status["model"]["why"]
    assert 'model.fetch is "never"' in fresh("status", environ=offline).stdout
    # It labelled the library, so there is nothing to tell of it any more; programs may ask.
    for name in ("show", "explain", "classify"):
        assert fresh(name, CAT, environ=offline).stderr == ""
    for name in ("show", "explain"):
        told = json.loads(fresh(name, CAT, "--json", environ=offline).stdout)
        assert 'model.fetch is "never"' in told["why_not_wanted"]
    fresh.environ |= offline
    finding = next(one for one in fresh.json("doctor", code=None) if one["about"] == "Model")
    assert (finding["grade"], "efficientnet_lite2" in finding["text"]) == ("warn", True)
    assert str(fresh.data / "models") in finding["cure"]


@pytest.mark.slow
def test_where_nothing_is_labelled_yet_a_search_says_so(fresh: Tagger, tmp_path: Path) -> None:
    trained = {"TAGGER_ENGINE_KIND": "light", "TAGGER_MODEL_NAME": "vgg16"}
    assert "tagger model export vgg16" in fresh("backfill", PHOTOS, code=3, environ=trained).stderr
    done = fresh("search", "tiger", code=1, environ=trained)
    assert f"None of the {COUNT} photos is labelled yet." in done.stderr
    assert "tagger model export vgg16" in done.stderr
    assert "Did you mean" not in done.stderr
    assert "tagger model export vgg16" in fresh("status", environ=trained).stdout
    # The cure was to choose a model that is here.
    assert "Label them: tagger backfill" in fresh("search", "cat", code=1).stderr
    fresh("backfill", "--offline")
    assert fresh.found("cat") == ["cat.jpg"]


def test_classify_needs_no_library(fresh: Tagger, tmp_path: Path) -> None:
    lines = fresh("classify", "--offline", COFFEE).stdout.splitlines()
    assert lines[0] == str(COFFEE)
    assert re.fullmatch(r"  espresso \d+\.\d%, .+ \d+\.\d%, .+ \d+\.\d%", lines[1])
    assert lines[2].startswith("  shown: espresso")
    assert len(lines) == 3
    assert not fresh.database.exists()
    [found] = fresh.json_lines("classify", "--top", "9", COFFEE)
    assert found["architecture"] == "efficientnet_lite2"
    assert len(found["classes"]) == 9
    assert found["classes"][0]["name"] == "espresso"
    assert found["shown"][0]["name"] == "espresso"
    assert len(fresh("classify", "--top", "9", COFFEE).stdout.splitlines()) == 11


@pytest.mark.slow
def test_classify_takes_folders_and_standard_input_and_says_what_is_wrong(fresh: Tagger, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(CAT.read_bytes()[:300])
    shutil.copy(CAT, tmp_path / "ein Kätzchen\nmit Umbruch.jpg")
    done = fresh("classify", tmp_path / "nowhere.jpg", tmp_path / "broken.jpg", CAT, code=1)
    assert "nowhere.jpg: there is no such file" in done.stderr
    assert "broken.jpg: " in done.stderr
    assert "Egyptian cat" in done.stdout
    assert len(fresh("classify", PHOTOS).stdout.splitlines()) == 3 * COUNT
    # A missing file is told before a model is looked for.
    missing = fresh("classify", tmp_path / "nowhere.jpg", code=2, environ={"TAGGER_MODEL_NAME": "nonsense"})
    assert "nowhere.jpg" in missing.stderr
    assert "nonsense" not in missing.stderr
    for given, expected in ((f"{CAT}\n{COFFEE}\n", 6), (f"{tmp_path}/ein Kätzchen\nmit Umbruch.jpg\0{CAT}\0", 6)):
        piped = subprocess.run(
            [COMMAND, "classify", "-"], input=given, text=True, capture_output=True, env=fresh.environment(), check=True
        )
        assert len(piped.stdout.splitlines()) == expected


@pytest.mark.slow
def test_the_network_of_the_package_is_built_to_its_published_size(tmp_path: Path) -> None:
    """The published network has 6,092,072 parameters (EfficientNet-Lite2 in TensorFlow's TPU models)."""
    script = """
from tagger.inference.engines.networks import build_network
from tagger.inference.registry import REGISTRY
network = build_network(REGISTRY["efficientnet_lite2"])
print(sum(int(w.shape.num_elements()) for w in network.trainable_weights), network.layers[-1].input.shape)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split()[0] == "6092072"
    assert "1280" in done.stdout


def test_the_file_in_the_package_is_small_and_agrees_with_what_it_was_made_from(fresh: Tagger) -> None:
    settings, architecture = Settings(data_dir=fresh.data), REGISTRY["efficientnet_lite2"]
    assert light_model.light_model_path(settings, architecture).stat().st_size < 8e6
    about = light_model.find_light(settings, architecture)
    assert about is not None
    assert about.agreement >= 0.98


def test_the_file_in_the_package_says_what_it_was_made_from(fresh: Tagger, shared: Path) -> None:
    about = light_model.find_light(Settings(data_dir=fresh.data), REGISTRY["efficientnet_lite2"])
    assert about is not None
    weights = shared / "models" / "efficientnet_lite2.weights.h5"
    assert about.weights_sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()


@pytest.mark.slow
def test_its_float32_weights_run_in_tensorflow_and_find_the_same(fresh: Tagger, shared: Path) -> None:
    weights = shared / "models" / "efficientnet_lite2.weights.h5"
    exact = {"TAGGER_MODEL_WEIGHTS": str(weights), "TAGGER_ENGINE_KIND": "tensorflow"}
    fresh.environ["TAGGER_MODEL_NAME"] = "efficientnet_lite2"
    fresh("backfill", PHOTOS, environ=exact)
    assert "(tensorflow " in fresh("status").stdout
    both = [fresh.json_lines("classify", CAT, COFFEE, environ=environ) for environ in (exact, {})]
    assert both[0][0]["model"] == both[1][0]["model"]
    for one, other in zip(*both, strict=True):
        assert one["classes"][0]["name"] == other["classes"][0]["name"]
    # The same model, so nothing is to be done again.
    assert "Nothing to do" in fresh("backfill").stdout


@pytest.mark.slow
def test_it_is_as_true_as_measured(fresh: Tagger, tmp_path: Path, shared: Path) -> None:
    """On the half of photos/evaluation that did not calibrate it, in the way of every user."""
    from benchmarks import label_precision

    (tmp_path / "half").mkdir()
    for number, photo in enumerate(sorted((shared / "photos" / "evaluation").iterdir())):
        if number % 2:
            shutil.copy(photo, tmp_path / "half")
    fresh("backfill", "--offline", tmp_path / "half")
    photos = fresh.export()
    counted = label_precision.count(photos)
    assert counted.photos == 185
    assert counted.precision >= 0.975
    assert counted.covered >= 0.935
    first = 0
    for photo in photos:
        classes = [label for label in photo["labels"] if label["origin"] == "model"]
        best = max(classes, key=lambda label: label["confidence"], default=None)
        first += best is not None and best["wnid"] == Path(photo["path"]).name.split("_")[0]
    assert first / len(photos) >= 0.87


@pytest.mark.slow
def test_when_the_weights_come_the_service_does_the_library_again(fresh: Tagger, tmp_path: Path, shared: Path) -> None:
    """Served on loopback after a while; killed twice; and never is a search empty. And the way back."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(20):
        # Other bytes, so that each is looked at.
        for photo in (CAT, COFFEE):
            (photos / f"{photo.stem}{number}.jpg").write_bytes(photo.read_bytes() + bytes([number]))
    site = Site((shared / "models" / MOBILENET).read_bytes(), status=503)
    empty: list[int] = []
    over = threading.Event()

    def search() -> None:
        while not over.wait(0.2):
            empty.append(len(fresh.found("cat")))

    with serve(site):
        # Keras publishes no checksum for this network, so these weights are taken as if they were published.
        fresh.environ |= {"TAGGER_MODEL_NAME": "mobilenet_v2", "TAGGER_MODEL_SOURCE": site.address}
        fresh.environ |= {"TAGGER_ENGINE_BATCH_SIZE": "2"}
        with running(fresh, photos) as service:
            service.wait_until_done(40)
            assert list(fresh.json("status")["models"].values()) == [40]
            assert fresh.json("status")["model"]["wanted"] == "mobilenet_v2"
            searching = threading.Thread(target=search)
            searching.start()
            site.status = 200
            service.wait_for_log("were labelled by another model and will be looked at again", 150)
            wait_for(lambda: len(fresh.json("status")["models"]) == 2, 60, service.said)
            service.kill()
        with running(fresh) as service:
            wait_for(lambda: fresh.json("status")["queued"] < 30, 60, service.said)
            service.kill()
        with running(fresh) as service:
            wait_for(lambda: fresh.json("status")["queued"] == 0, 120, service.said)
            assert list(fresh.json("status")["models"].values()) == [40]
            assert fresh.json("show", photos / "cat3.jpg")["architecture"] == "mobilenet_v2"
            assert fresh.json("status")["model"]["why"] == ""
            over.set()
            searching.join()
            assert service.stop() == 0
        assert empty
        assert min(empty) == 20
    # Back, for good: from the features that are stored, so nothing goes through a network.
    del fresh.environ["TAGGER_MODEL_NAME"]
    fresh("model", "use", "efficientnet_lite2")
    done = fresh.json("backfill")
    assert (done["labelled"], done["classified"]) == (40, 0)
    assert fresh.json("show", photos / "cat3.jpg")["architecture"] == "efficientnet_lite2"
    assert len(fresh.found("cat")) == 20
