"""`tagger run` on real folders with the real child, watched by the kernel and polled."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import closing
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from tests.cli.gallery import PHOTOS
from tests.cli.labelled import label_all
from tests.cli.runner import BUILT_IN, MOBILENET, Tagger
from tests.cli.service import Photos, known_tree, photo_states, running, tree_of, wait_for
from tests.cli.test_killed import make_copies
from tests.logfmt import read_logfmt

QUICK = {
    "TAGGER_INTAKE_SETTLE_SECONDS": "1.5",
    "TAGGER_INTAKE_POLL_SECONDS": "2",
    "TAGGER_SERVICE_LOG": "logfmt",
    "TAGGER_SERVICE_NICE": "0",
}


@pytest.fixture
def plain(tagger: Tagger) -> Tagger:
    """With TensorFlow, and nothing in its data directory yet."""
    tagger.environ |= QUICK
    return tagger


@pytest.fixture
def quick(tmp_path: Path) -> Tagger:
    """With the model in the package, which starts at once, where it does not matter what labels."""
    (tmp_path / "home").mkdir()
    return Tagger(tmp_path / "home", BUILT_IN | QUICK)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


@pytest.mark.parametrize("watch", ["native", "polling"])
@pytest.mark.slow
def test_a_flood_into_new_nested_folders_is_labelled_whole(quick: Tagger, root: Path, watch: str) -> None:
    """None missed, none twice, none while half-written."""
    photos = Photos()
    count, folders = 2000, 200
    with running(quick, root, environ={"TAGGER_INTAKE_WATCH": watch}) as service:
        assert service.status()["service"]["folders"][0]["watching"] == watch
        slow = [root / "slow" / f"{number}.png" for number in range(20)]
        for number in range(count - len(slow)):
            folder = number % folders
            photos.write(root / f"{folder // 20}" / f"{folder // 4}" / f"{folder}" / f"{number}.png")
        photos.write_slowly(slow, 1.0)
        service.wait_until_done(count, 300)
        assert photo_states(quick.database)["failed"] == 0
        assert service.stop() == 0
    assert set(known_tree(quick, root)) == tree_of(root)
    connection = sqlite3.connect(quick.database)
    # A file that had been read half-written would have been labelled twice.
    assert connection.execute("SELECT sum(labelled) FROM runs").fetchone() == (count,)
    connection.close()


@pytest.mark.slow
def test_everything_a_watcher_misses_is_found_by_the_next_scan(quick: Tagger, root: Path, tmp_path: Path) -> None:
    photos = Photos()
    for number in range(5):
        photos.write(root / f"before{number}.png")
    with running(quick, root) as service:
        service.wait_until_done(5)
        # The whole service is paused while much happens: the kernel's queue overflows or is full of old news.
        os.killpg(service.process.pid, signal.SIGSTOP)
        for number in range(200):
            photos.write(root / f"paused{number % 20}" / f"{number}.png")
        shutil.move(root / "paused3", root / "moved3")
        (root / "before0.png").rename(root / "renamed0.png")
        (root / "before1.png").unlink()
        os.killpg(service.process.pid, signal.SIGCONT)
        # A folder moved in from outside, one copied in, a name at which rsync ends a copy.
        photos.write(tmp_path / "outside" / "deep" / "x.png")
        shutil.move(tmp_path / "outside", root / "outside")
        photos.write(root / ".y.png.Ab12Cd")
        (root / ".y.png.Ab12Cd").rename(root / "y.png")
        # Ignored folders are not watched, and ignore rules that change hold at once.
        photos.write(root / "@eaDir" / "thumb.png")
        service.wait_until_done(206)
        (root / "paused5" / ".nomedia").touch()
        service.wait_until_done(196)
        assert service.stop() == 0
    expected = {path for path in tree_of(root) if not path.startswith(("@eaDir", "paused5"))}
    assert set(known_tree(quick, root)) == expected


@pytest.mark.slow
def test_a_queue_that_overflows_loses_nothing(quick: Tagger, root: Path) -> None:
    """The service is paused while more happens than the kernel keeps (fs.inotify.max_queued_events)."""
    photos = Photos()
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for folder in range(40):
        (root / f"{folder}").mkdir()
    with running(quick, root) as service:
        os.kill(service.process.pid, signal.SIGSTOP)
        for number in range(300):
            photos.write(root / f"{number % 40}" / f"{number}.png")
        # What comes and goes fills the queue, three events each, without a photo to label.
        for number in range(most // 3 + 1):
            passing = root / f"{number % 40}" / "passing.png"
            passing.touch()
            passing.unlink()
        # Of these the kernel tells nothing.
        for number in range(300, 600):
            photos.write(root / f"{number % 40}" / f"{number}.png")
        photos.write(root / "new" / "folder" / "600.png")
        os.kill(service.process.pid, signal.SIGCONT)
        service.wait_for_log("too much happened at once")
        service.wait_until_done(601, 300)
        assert photo_states(quick.database)["failed"] == 0
        assert service.stop() == 0
    assert set(known_tree(quick, root)) == tree_of(root)


@pytest.mark.slow
def test_without_watches_it_polls_and_says_so_once(quick: Tagger, root: Path) -> None:
    """A user namespace of its own has inotify limits of its own."""
    unshare = ["unshare", "-Ur", "sh", "-c", 'echo 3 > /proc/sys/user/max_inotify_watches && exec "$@"', "sh"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("user namespaces are not allowed here")
    photos = Photos()
    for number in range(10):
        photos.write(root / f"{number}" / "a.png")
    with running(quick, root, prefix=unshare) as service:
        service.wait_until_done(10)
        photos.write(root / "new" / "b.png")
        service.wait_until_done(11)
        [folder] = service.status()["service"]["folders"]
        assert folder["watching"] == "polling"
        assert "sysctl fs.inotify.max_user_watches=" in folder["why_polling"]
        assert "polled" in quick("status").stdout
        time.sleep(3)
        assert len([line for line in service.log if "is polled" in line]) == 1


@pytest.mark.slow
def test_kills_while_files_arrive_lose_nothing(quick: Tagger, root: Path) -> None:
    photos = Photos()
    kills = 12
    chance = random.Random(kills)
    written = 0
    for number in range(kills):
        with running(quick, root) as service:
            for _ in range(chance.randint(5, 25)):
                photos.write(root / f"{chance.randrange(8)}" / f"{written}.png")
                written += 1
                time.sleep(chance.uniform(0, 0.05))
            time.sleep(chance.uniform(0, 4))
            child = service.status()["service"]["labelling"]["child"]
            if number % 2 and child:
                os.kill(child, signal.SIGKILL)
                time.sleep(chance.uniform(0, 3))
    with running(quick, root) as service:
        service.wait_until_done(written)
        assert service.stop() == 0
    assert set(known_tree(quick, root)) == tree_of(root)
    assert set(known_tree(quick, root).values()) == {"labelled"}
    connection = sqlite3.connect(quick.database)
    assert connection.execute("SELECT sum(labelled) FROM runs").fetchone() == (written,)
    connection.close()


@pytest.mark.slow
def test_a_root_that_goes_and_comes_back_loses_no_label(quick: Tagger, root: Path) -> None:
    photos = Photos()
    for number in range(60):
        photos.write(root / f"{number}.png")
    with running(quick, root) as service:
        service.wait_until_done(60)
        root.rename(root.with_name("unmounted"))
        wait_for(lambda: service.status()["service"]["folders"][0]["held"], 30)
        assert "HELD" in quick("status").stdout
        assert photo_states(quick.database)["missing"] == 0
        root.mkdir()  # an empty mount point
        time.sleep(3)
        assert "mounted" in service.status()["service"]["folders"][0]["held"]
        root.rmdir()
        root.with_name("unmounted").rename(root)
        wait_for(lambda: not service.status()["service"]["folders"][0]["held"], 60)
        assert photo_states(quick.database)["present"] == 60
        # And it is watched again.
        photos.write(root / "new.png")
        service.wait_until_done(61)
        assert service.status()["service"]["folders"][0]["watching"] == "native"


@pytest.mark.slow
def test_very_many_deletions_at_once_wait_for_a_person(quick: Tagger, root: Path) -> None:
    photos = Photos()
    for number in range(200):
        photos.write(root / f"{number % 10}" / f"{number}.png")
    with running(quick, root) as service:
        service.wait_until_done(200)
        for number in range(3):
            shutil.rmtree(root / f"{number}")
        wait_for(lambda: service.status()["service"]["folders"][0]["held"], 30)
        assert photo_states(quick.database)["missing"] == 0
        text = quick("status").stdout
        assert "60 of its 200 photos are gone at once" in text
        assert "tagger accept-missing" in text
        assert str(root) in quick("accept-missing").stdout
        service.wait_until_done(140)
        assert photo_states(quick.database)["missing"] == 60
        wait_for(lambda: not service.status()["service"]["folders"][0]["held"], 30)
        # A few at a time need no word.
        (root / "5" / "5.png").unlink()
        service.wait_until_done(139)


@pytest.mark.slow
def test_renames_cost_nothing(quick: Tagger, root: Path) -> None:
    photos = Photos()
    for number in range(30):
        photos.write(root / "a" / f"{number}.png")
    with running(quick, root) as service:
        service.wait_until_done(30)
        (root / "a").rename(root / "b")
        wait_for(lambda: "b/0.png" in known_tree(quick, root), 30, service.said)
        service.wait_until_done(30)
    connection = sqlite3.connect(quick.database)
    assert connection.execute("SELECT sum(labelled) FROM runs").fetchone() == (30,)
    assert connection.execute("SELECT max(id) FROM photos").fetchone()[0] <= 60
    connection.close()
    assert set(known_tree(quick, root)) == tree_of(root)


@pytest.mark.slow
@pytest.mark.parametrize("watch", ["native", "polling"])
def test_many_renames_one_by_one_are_renames(quick: Tagger, root: Path, watch: str) -> None:
    photos = Photos()
    for number in range(100):
        photos.write(root / ("a" if number < 60 else "k") / f"f{number}.png")
    quick("backfill", root)
    quick("correct", "--add", "our boat", root / "a" / "f1.png")
    with running(quick, root, environ={"TAGGER_INTAKE_WATCH": watch}) as service:
        for number in range(60):
            target = root / "2019" / f"07-{number % 30 + 1:02}" / f"{number}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            (root / "a" / f"f{number}.png").rename(target)
            time.sleep(0.1)
        wait_for(lambda: known_tree(quick, root) == dict.fromkeys(tree_of(root), "labelled"), 60, service.said)
        wait_for(lambda: not service.status()["service"]["folders"][0]["held"], 30, service.said)
        assert photo_states(quick.database) == {
            "present": 100,
            "labelled": 100,
            "waiting": 0,
            "failed": 0,
            "missing": 0,
        }
        assert quick.found("our boat") == ["1.png"]


@pytest.mark.slow
def test_the_brake_lets_go_when_what_it_holds_turns_up(quick: Tagger, root: Path, tmp_path: Path) -> None:
    """Moved to another disk first, and minutes later to its new place: other inodes, other names."""
    photos = Photos()
    for number in range(100):
        photos.write(root / ("a" if number < 60 else "k") / f"f{number}.png")
    quick("backfill", root)
    quick("correct", "--add", "our boat", root / "a" / "f1.png")
    with running(quick, root) as service:
        (root / "a").rename(tmp_path / "disk")
        wait_for(lambda: service.status()["service"]["folders"][0]["held"], 30)
        (root / "new").mkdir()
        for number in range(60):
            shutil.copyfile(tmp_path / "disk" / f"f{number}.png", root / "new" / f"{number}.png")
        wait_for(lambda: not service.status()["service"]["folders"][0]["held"], 60, service.said)
        assert known_tree(quick, root) == dict.fromkeys(tree_of(root), "labelled")
        assert photo_states(quick.database)["missing"] == 0
        assert quick.found("our boat") == ["1.png"]


@pytest.mark.slow
def test_a_locked_database_is_waited_for(quick: Tagger, root: Path) -> None:
    photos = Photos()
    photos.write(root / "a.png")
    with running(quick, root) as service:
        service.wait_until_done(1)
        connection = sqlite3.connect(quick.database, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        photos.write(root / "b.png")
        wait_for(lambda: any("stayed locked" in line for line in service.log), 90, service.said)
        connection.execute("ROLLBACK")
        connection.close()
        service.wait_until_done(2)
        wait_for(lambda: not service.status()["service"]["problems"], 60, service.said)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_is_waited_for(plain: Tagger, root: Path, tmp_path: Path) -> None:
    disk = plain.home / "data"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        photos = Photos()
        photos.write(root / "a.png")
        with running(plain, root) as service:
            service.wait_until_done(1)
            subprocess.run(["dd", "if=/dev/zero", f"of={disk / 'filler'}", "bs=64k"], check=False, capture_output=True)
            for number in range(200):
                photos.write(root / f"{number}.png")
            wait_for(lambda: any("is full" in line for line in service.log), 60, service.said)
            assert "full" in plain("status").stdout
            (disk / "filler").unlink()
            service.wait_until_done(201, 180)
            wait_for(lambda: not service.status()["service"]["problems"], 60, service.said)
            assert service.stop() == 0
    finally:
        subprocess.run(["umount", disk], check=True)


def other_weights(shared: Path, folder: Path) -> Path:
    """The same network with one number changed: another ModelId."""
    path = folder / "other.weights.h5"
    shutil.copy(shared / "models" / MOBILENET, path)
    with h5py.File(path, "r+") as file:
        found: list[str] = []
        file.visititems(lambda name, item: found.append(name) if getattr(item, "ndim", 0) == 1 else None)
        file[found[0]][0] += 1e-4
    return path


@pytest.mark.slow
def test_a_model_change_is_worked_through_while_everything_stays_searchable(
    bare: Tagger, tmp_path: Path, shared: Path
) -> None:
    count = 120
    bare.environ |= QUICK | {"TAGGER_ENGINE_BATCH_SIZE": "8"}
    bare("model", "use", "mobilenet_v2", "--weights", shared / "models" / MOBILENET)
    root = tmp_path / "photos"
    make_copies(shared, root, count)
    with running(bare, root) as service:
        service.wait_until_done(count, 300)
        before = bare.found("animal>0.6")
        assert before
        old = service.status()["service"]["labelling"]["model"]
        assert "was told" in bare("model", "use", "mobilenet_v2", "--weights", other_weights(shared, tmp_path)).stdout
        wait_for(lambda: service.status()["service"]["labelling"]["model"] not in (old, None), 60, service.said)
        new = service.status()["service"]["labelling"]["model"]
    for _ in range(2):
        # Killed at the end of each block, in the middle of the work.
        with running(bare, root):
            done = bare.json("status")["models"].get(new, 0)
            assert sorted(bare.found("animal>0.6")) == sorted(before)
            wait_for(lambda done=done: bare.json("status")["models"].get(new, 0) > min(done + 8, count - 1), 200)
            assert sorted(bare.found("animal>0.6")) == sorted(before)
    with running(bare, root) as service:
        wait_for(lambda: bare.json("status")["models"] == {new: count}, 300, service.said)
        assert sorted(bare.found("animal>0.6")) == sorted(before)
        # Back again: the old features are still there, and nothing goes through the network.
        bare("model", "use", "mobilenet_v2", "--weights", shared / "models" / MOBILENET)
        wait_for(lambda: bare.json("status")["models"] == {old: count}, 120, service.said)
    connection = sqlite3.connect(bare.database)
    assert connection.execute("SELECT classified FROM runs ORDER BY id DESC LIMIT 1").fetchone() == (0,)
    connection.close()


@pytest.mark.slow
def test_the_archive_waits_for_the_window_and_new_photos_do_not(quick: Tagger, root: Path) -> None:
    photos = Photos()
    for number in range(5):
        photos.write(root / f"old{number}.png")
        os.utime(root / f"old{number}.png", (1e9, 1e9))
    # A window that is closed now, whatever the time: it opens twelve hours from now.
    hour = (time.localtime().tm_hour + 12) % 24
    closed = {"TAGGER_SERVICE_WORK_WINDOW": f"{hour:02}:00-{(hour + 1) % 24:02}:00"}
    time.sleep(11)  # what changed a moment ago counts as new
    with running(quick, root, environ=closed) as service:
        wait_for(lambda: photo_states(quick.database).get("present") == 5, 30)
        photos.write(root / "new.png")
        wait_for(lambda: photo_states(quick.database)["labelled"] == 1, 60, service.said)
        assert known_tree(quick, root)["new.png"] == "labelled"
        assert "Later     5 photos" in quick("status", environ=closed).stdout
        assert photo_states(quick.database)["labelled"] == 1


@pytest.mark.slow
def test_settings_are_read_again_and_bad_ones_refused(quick: Tagger, root: Path) -> None:
    config = quick.home / "config.toml"
    config.write_text("[service]\nrescan = '6h'\n")
    quick.environ["TAGGER_CONFIG"] = str(config)
    with running(quick, root) as service:
        config.write_text("[service]\nrescan = 'sometimes'\n")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for_log("the new settings are refused")
        config.write_text("[service]\nrescan = '1h'\n[labels]\nsilence = ['animal']\n")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for_log("settings reloaded")
        due = service.status()["service"]["next"]["rescan"]
        assert due < time.time() + 3700
        Photos().write(root / "a.png")
        service.wait_until_done(1)
        assert service.stop() == 0


@pytest.mark.slow
def test_two_services_refuse_each_other_and_other_commands_go_on(quick: Tagger, root: Path, tmp_path: Path) -> None:
    shutil.copy(PHOTOS / "cat.jpg", root)
    with running(quick, root) as service:
        service.wait_until_done(1)
        done = quick("run", root, code=5)
        assert f"run, process {service.process.pid}" in done.stderr
        assert quick.found("cat") == ["cat.jpg"]
        assert quick.json("explain", root / "cat.jpg")["labels"]
        assert "Service   running" in quick("status").stdout
        # Another folder is handed to the service.
        Photos().write(tmp_path / "more" / "b.png")
        assert "The service is running" in quick("backfill", tmp_path / "more").stdout
        service.wait_until_done(2)
        assert "0 failed photos" in quick("retry").stdout
        # A failed photo that is retried by hand, and a folder that is forgotten, while it runs.
        (root / "bad.jpg").write_text("no photo")
        wait_for(lambda: photo_states(quick.database)["failed"] == 1, 60, service.said)
        assert "The service looks at them now" in quick("retry").stdout
        wait_for(lambda: photo_states(quick.database)["failed"] == 1, 60, service.said)
        assert "Forgot" in quick("forget", "--yes", tmp_path / "more").stdout
        service.wait_for_log("was forgotten")
        Photos(7).write(tmp_path / "more" / "c.png")
        Photos(8).write(root / "d.png")
        service.wait_until_done(3)
        assert service.status()["service"]["problems"] == []
        assert service.stop() == 0
    assert not (quick.data / "service.sock").exists()
    assert "No service is running" in quick("accept-missing", code=1).stderr


@pytest.mark.slow
def test_health_and_metrics(quick: Tagger, root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    photos = Photos()
    for number in range(60):
        photos.write(root / f"{number}.png")
    with running(quick, root, environ={"TAGGER_SERVICE_HEALTH": f"127.0.0.1:{port}"}) as service:
        service.wait_until_done(60)

        def get(path: str) -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return str(answer.read().decode())

        wait_for(lambda: '"ok": true' in get("/healthz"), 10)
        metrics = get("/metrics")
        assert "tagger_labelled_photos_total 60.0" in metrics
        assert f'tagger_folder_native{{folder="{root}"}} 1.0' in metrics
        assert 'tagger_jobs{state="queued"} 0.0' in metrics
        root.rename(root.with_name("gone"))
        wait_for(lambda: service.status()["service"]["folders"][0]["held"], 30)
        with pytest.raises(urllib.error.HTTPError) as caught:
            get("/healthz")
        assert caught.value.code == 503
        assert str(root) in caught.value.read().decode()
        root.with_name("gone").rename(root)


@pytest.mark.slow
def test_systemd_is_told(quick: Tagger, root: Path, tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    listener.settimeout(30)
    try:
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        with running(quick, root, environ=environ) as service:
            heard = {listener.recv(1000).decode() for _ in range(6)}
            assert {"READY=1", "WATCHDOG=1"} <= heard
            assert service.stop() == 0
            wait_for(lambda: listener.recv(1000) == b"STOPPING=1", 10)
    finally:
        listener.close()


@pytest.mark.slow
def test_status_tells_when_an_older_models_photos_will_be_done(plain: Tagger, root: Path, exported: Path) -> None:
    chance = np.random.default_rng(0)
    for number in range(500):
        Image.fromarray(chance.integers(0, 256, (300, 300, 3), dtype=np.uint8)).save(root / f"{number}.png")
    label_all(plain.data, root, ["tiger"])
    (plain.data / "models").mkdir()
    shutil.copy(exported, plain.data / "models")
    with running(plain, root, environ={"TAGGER_ENGINE_MAX_CPU": "0.05"}) as service:

        def later() -> str:
            return next((line for line in plain("status").stdout.splitlines() if line.startswith("Later")), "")

        said = wait_for(lambda: later() if "done about" in later() else "", 60, service.said)
        told = re.fullmatch(
            r"Later     (\d+) photos of the archive or of an older model, done about \w+ (.{16}) \(([\d.]+) photos/s\)",
            said,
        )
        assert told is not None, said
        # As far ahead as the photos take at that speed; the time is told in minutes.
        expected = time.time() + int(told[1]) / float(told[3])
        assert abs(datetime.strptime(told[2], "%Y-%m-%d %H:%M").astimezone().timestamp() - expected) < 70


@pytest.mark.slow
def test_the_log_names_each_photo_that_failed_once_with_its_run(quick: Tagger, root: Path) -> None:
    photos = Photos()
    for number in range(40):
        photos.write(root / f"{number}.png")
    (root / "it's broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with running(quick, root) as service:
        service.wait_until_done(41)
        assert service.stop() == 0
    [failed] = [line for line in service.log if "event=photo_failed" in line]
    told = read_logfmt(failed)
    assert told["photo"] == f"{root}/it's broken.png"
    batches = [read_logfmt(line) for line in service.log if "event=batch" in line]
    assert sum(int(batch["photos"]) for batch in batches) == 41
    # Of a batch only its own failures.
    assert [batch["run"] for batch in batches if batch["failed"] == "1"] == [told["run"]]
    assert sum(int(batch["failed"]) for batch in batches) == 1
    with closing(sqlite3.connect(quick.database)) as connection:
        assert connection.execute("SELECT failed FROM runs WHERE id = ?", (told["run"],)).fetchone() == (1,)
