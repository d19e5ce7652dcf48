"""The type of the file system at a path, and what can be relied on there."""

from __future__ import annotations

import os
import re
import select
from dataclasses import dataclass
from pathlib import Path

# File systems that keep a file's inode number and ctime until it is replaced. Network file systems and FUSE invent
# numbers, and may invent others after a restart.
_STABLE = frozenset("ext2 ext3 ext4 xfs btrfs zfs f2fs tmpfs jfs reiserfs ufs apfs hfsplus bcachefs".split())
# Network file systems: databases are not safe on them.
_NETWORK = ("nfs", "cifs", "smb", "fuse.sshfs", "9p", "afs", "ceph", "glusterfs")
# inotify misses changes on these, because another machine or program makes them.
_SILENT = (*_NETWORK, "fuse", "virtiofs", "vboxsf", "davfs", "overlay")
_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")


@dataclass(frozen=True, slots=True)
class MountTable:
    """The kernel's table of mounts, read once: the type of the file system at each mount point."""

    kinds: dict[str, str]

    def kind_of(self, path: str) -> str:
        """The type of the file system at a path, by its kernel name; empty if unknown."""
        point = os.path.realpath(path)
        while point not in self.kinds and point != "/":
            point = os.path.dirname(point)
        return self.kinds.get(point, "")

    def below(self, folder: str) -> dict[str, str]:
        """The mount points below a folder, as paths relative to it, with their types."""
        prefix = os.path.realpath(folder).rstrip("/") + "/"
        return {
            point[len(prefix) :]: kind
            for point, kind in sorted(self.kinds.items())
            if point.startswith(prefix) and point != prefix
        }


def mount_table(mountinfo: Path = Path("/proc/self/mountinfo")) -> MountTable:
    """Read what is mounted; empty if unknown.

    The format is that of proc_pid_mountinfo(5): the mount point is field 5, with blanks, backslashes and line ends in
    octal; the type follows the separator `-`.
    """
    try:
        lines = mountinfo.read_bytes().split(b"\n")
    except OSError:
        return MountTable({})
    kinds: dict[str, str] = {}
    for line in lines:
        fields = line.split(b" ")
        if b"-" in fields[6:-1]:
            point = os.fsdecode(_OCTAL.sub(lambda match: bytes([int(match[1], 8)]), fields[4]))
            # A later mount at the same point hides an earlier one.
            kinds[point] = os.fsdecode(fields[fields.index(b"-", 6) + 1])
    return MountTable(kinds)


class MountChanges:
    """Tells whether anything was mounted or unmounted, by one system call that reads no file.

    The kernel says so of an open table of mounts: proc_pid_mounts(5), poll(2). Where there is none, nothing changes.
    """

    def __init__(self, mountinfo: Path = Path("/proc/self/mountinfo")) -> None:
        self._poll = select.poll()
        self._descriptor: int | None = None
        try:
            self._descriptor = os.open(mountinfo, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        self._poll.register(self._descriptor, select.POLLPRI)

    def any(self) -> bool:
        """Whether there were any since the last call."""
        return bool(self._poll.poll(0))

    def close(self) -> None:
        """Close the table."""
        if self._descriptor is not None:
            self._poll.unregister(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None


def kind_of(path: str, mountinfo: Path = Path("/proc/self/mountinfo")) -> str:
    """The type of the file system at a path, by its kernel name; empty if unknown."""
    return mount_table(mountinfo).kind_of(path)


def is_network(kind: str) -> bool:
    """Whether a file system of this type (see `kind_of`) is a network file system."""
    return kind.startswith(_NETWORK)


def is_silent(kind: str) -> bool:
    """Whether files on a file system of this type may change without inotify events."""
    return kind.startswith(_SILENT)


def keeps_inodes(path: str) -> bool:
    """Whether inode numbers and ctimes below a path are stable while a file is unchanged."""
    return kind_of(path) in _STABLE


def mounts_below(path: str, mountinfo: Path = Path("/proc/self/mountinfo")) -> set[str]:
    """The mount points below a folder, as paths relative to it; empty if unknown."""
    return set(mount_table(mountinfo).below(path))


def identity_of(path: str) -> tuple[int, int] | None:
    """Device and inode of what is at a path; None if there is nothing."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def has_files(folder: str) -> bool:
    """Whether a folder is there and not empty, as a mount point is without its disk."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False
