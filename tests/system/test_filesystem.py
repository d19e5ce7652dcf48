from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tagger.system.filesystem import MountChanges, keeps_inodes, kind_of, mount_table, mounts_below

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /volume1 rw,relatime - btrfs /dev/md2 rw
31 30 0:41 / /volume1/photo\\040share rw - nfs4 nas:/photo rw,addr=10.0.0.2
32 22 0:42 / /volume1x rw shared:7 master:3 - fuse.mergerfs pool rw
33 30 0:43 / /volume1 rw - xfs /dev/sdb rw
"""


def test_the_innermost_and_latest_mount_counts(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS)
    assert kind_of("/home/x", table) == "ext4"
    assert kind_of("/volume1/a", table) == "xfs"
    assert kind_of("/volume1/photo share/2019", table) == "nfs4"
    assert kind_of("/volume1x/y", table) == "fuse.mergerfs"
    assert kind_of("/x", tmp_path / "none") == ""


def test_mount_points_of_any_name_are_found_whatever_the_locale(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    names = b"with\\040blank back\\134slash tab\\011 new\\012line K\xc3\xa4fer \xe9t\xe9 \\040\\134040".split(b" ")
    lines = [
        b"%d 1 0:%d / /m/%s rw - %s x rw" % (40 + i, i, name, b"nfs4" if i % 2 else b"xfs")
        for i, name in enumerate(names)
    ]
    table.write_bytes(b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + b"\n".join(lines) + b"\n")
    expected = ["with blank", "back\\slash", "tab\t", "new\nline", "Käfer", "\udce9t\udce9", " \\040"]
    assert mounts_below("/m", table) == mounts_below("/m/../m//", table) == set(expected)
    assert [kind_of(f"/m/{name}/deep", table) for name in expected] == ["xfs", "nfs4"] * 3 + ["xfs"]
    assert mount_table(table).below("/m/x") == {}


def test_this_machine_answers(tmp_path: Path) -> None:
    assert kind_of(str(tmp_path))
    assert isinstance(keeps_inodes(str(tmp_path)), bool)


def test_the_kernel_tells_that_something_was_mounted_or_unmounted() -> None:
    """In a name space of its own, where anybody may mount."""
    if subprocess.run(["unshare", "-Urm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody make a name space")
    code = """
import subprocess
from tagger.system.filesystem import MountChanges
changes = MountChanges()
told = [changes.any()]
for command in (["mount", "-t", "tmpfs", "none", "/mnt"], ["umount", "/mnt"]):
    subprocess.run(command, check=True)
    told += [changes.any(), changes.any()]
changes.close()
print(*told, changes.any())
"""
    done = subprocess.run(["unshare", "-Urm", sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("False True False True False False", "")


def test_where_there_is_no_table_of_mounts_nothing_changes(tmp_path: Path) -> None:
    changes = MountChanges(tmp_path / "none")
    assert not changes.any()
    changes.close()
