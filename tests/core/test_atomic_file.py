"""Small files that are replaced: durable, with their permissions, and nothing left of a killed process."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tagger.core import atomic_file
from tagger.core.atomic_file import remove_leftovers, replacing


def replace(path: Path, text: str = "new", **how: object) -> None:
    with replacing(path, **how) as temporary:  # type: ignore[arg-type]
        temporary.write_text(text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- synced, file before and folder after -------------------------------------------------------------------


def test_the_file_is_synced_before_the_rename_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, rename = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        where = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        done.append("folder" if where.is_dir() else f"file {where.read_text()}")
        fsync(descriptor)

    def noted_rename(source: object, target: object) -> None:
        done.append("rename")
        rename(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(atomic_file.os, "fsync", noted_fsync)
    monkeypatch.setattr(atomic_file.os, "replace", noted_rename)
    replace(tmp_path / "a")
    assert done == ["file new", "rename", "folder"]
    done.clear()
    # A new folder is durable, too.
    replace(tmp_path / "x" / "y" / "a")
    assert done == ["folder", "folder", "file new", "rename", "folder"]
    done.clear()
    replace(tmp_path / "a", durable=False)
    assert done == ["rename"]


STRACE = ("strace", "-f", "-y", "-e", "trace=fsync,rename,renameat,renameat2", "-o")
WRITERS = {
    "model.toml": "from tagger.core.config_sources import save_model_choice as f; f(settings, 'mobilenet_v2', None)",
    "rules.toml": "from tagger.labels.rules import LabelRules, save_rules as f\n"
    "from tagger.labels.rules import rules_of\n"
    "import dataclasses; f(settings, dataclasses.replace(rules_of(settings, 'n02129604'), silence=True))",
    "web.key": "from tagger.web.login import _key as f; f(settings.data_dir)",
    "library.json": "from tagger.store.session import open_store as f; f(settings, create=True).close()",
    "w.h5.sha256": "from tagger.inference.download import _accept as f\n"
    "from tagger.inference.registry import REGISTRY\n"
    "import hashlib; from pathlib import Path; part = settings.data_dir / 'w.h5.part'\n"
    "part.parent.mkdir(); part.write_bytes(b'x')\n"
    "settings.model.__dict__['sha256'] = hashlib.sha256(b'x').hexdigest()\n"
    "f(settings, REGISTRY['mobilenet_v2'], part, settings.data_dir / 'w.h5')",
}


@pytest.mark.parametrize("name", WRITERS)
def test_what_the_kernel_is_asked(tmp_path: Path, name: str) -> None:
    """Each small file of tagger's, as strace sees it: synced, renamed, its folder synced."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    code = "from pathlib import Path\nfrom tagger.core.config import Settings\n"
    code += f"settings = Settings(data_dir=Path({str(tmp_path / 'data')!r}))\n"
    done = subprocess.run(
        [*STRACE, trace, sys.executable, "-c", code + WRITERS[name]],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    if "ptrace" in done.stderr:
        pytest.skip("tracing is not allowed here")
    assert done.returncode == 0, done.stderr
    calls = [line.split(None, 1)[1] for line in trace.read_text().splitlines()]
    renamed = next(i for i, call in enumerate(calls) if "rename" in call and f'{name}"' in call.split(", ")[-1])
    temporary = re.search(r'"([^"]+)"', calls[renamed])
    assert temporary is not None
    assert f"<{temporary[1]}>" in calls[renamed - 1], calls
    assert calls[renamed - 1].startswith("fsync"), calls
    assert f"<{tmp_path / 'data'}>" in calls[renamed + 1], calls
    assert (tmp_path / "data" / name).stat().st_size > 0


# --- what it keeps ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o664])
def test_permissions_stay(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(mode)
    replace(path)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", mode)


def test_a_new_one_gets_the_mode_that_is_asked_for_from_the_start(tmp_path: Path) -> None:
    with replacing(tmp_path / "key", mode=0o600) as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
        temporary.write_text("secret")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    before = os.umask(0o027)
    try:
        replace(tmp_path / "other")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "other").stat().st_mode) == 0o640


def test_owner_and_attributes_stay(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    try:
        os.setxattr(path, "user.note", b"mine")
    except OSError:
        pytest.skip("there are no attributes here")
    if os.geteuid() == 0:
        os.chown(path, 1234, 2345)
    status = path.stat()
    replace(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (status.st_uid, status.st_gid)
    assert os.getxattr(path, "user.note") == b"mine"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "real").write_text("old")
    (tmp_path / "link").symlink_to("there/real")
    replace(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "real").read_text() == "new"


def test_the_longest_name(tmp_path: Path) -> None:
    replace(tmp_path / ("n" * 255))
    replace(tmp_path / ("ä" * 127))
    assert [(tmp_path / name).read_text() for name in names(tmp_path)] == ["new", "new"]


# --- what goes wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["writing", "fsync", "replace"])
def test_the_old_one_stays_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    path = tmp_path / "a"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    if when != "writing":
        monkeypatch.setattr(atomic_file.os, when, full)

    def write() -> None:
        with replacing(path) as temporary:
            temporary.write_text("new")
            if when == "writing":
                full()

    with pytest.raises(OSError, match="space"):
        write()
    assert (path.read_text(), names(tmp_path)) == ("old", ["a"])


def test_what_a_killed_process_left_goes_with_the_next_and_a_living_ones_stays(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    program = f"""
        import os, sys
        from pathlib import Path
        from tagger.core.atomic_file import replacing
        with replacing(Path({str(path)!r})) as temporary:
            temporary.write_text("half")
            print(temporary, flush=True)
            sys.stdin.read()
    """
    started = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    dead, alive = started
    left = [Path(process.stdout.readline().strip()) for process in started if process.stdout is not None]
    dead.send_signal(signal.SIGKILL)
    dead.communicate()
    assert [one.exists() for one in left] == [True, True]
    (tmp_path / ".mine.tmp").touch()
    (tmp_path / ".a.1.tmp").touch()
    replace(tmp_path / "b")
    assert [one.exists() for one in left] == [False, True]
    assert path.read_text() == "old"
    alive.communicate()
    assert alive.returncode == 0
    assert path.read_text() == "half"
    assert names(tmp_path) == [".a.1.tmp", ".mine.tmp", "a", "b"]
    assert remove_leftovers(tmp_path) == 0
