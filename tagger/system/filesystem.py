"""The type of the file system at a path, and what can be relied on there."""

from __future__ import annotations

import os
import re
from pathlib import Path

# File systems that keep a file's inode number and ctime until it is replaced. Network file systems and FUSE invent
# numbers, and may invent others after a restart.
_STABLE = frozenset("ext2 ext3 ext4 xfs btrfs zfs f2fs tmpfs jfs reiserfs ufs apfs hfsplus bcachefs".split())
# Network file systems: databases are not safe on them.
_NETWORK = ("nfs", "cifs", "smb", "fuse.sshfs", "9p", "afs", "ceph", "glusterfs")
# inotify misses changes on these, because another machine or program makes them.
_SILENT = (*_NETWORK, "fuse", "virtiofs", "vboxsf", "davfs", "overlay")
_OCTAL = re.compile(r"\\([0-7]{3})")


def kind_of(path: str, mountinfo: Path = Path("/proc/self/mountinfo")) -> str:
    """The type of the file system at a path, by its kernel name; empty if unknown.

    The format is that of proc_pid_mountinfo(5): the mount point is field 5, the type follows the separator `-`.
    """
    try:
        lines = mountinfo.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    real = os.path.realpath(path)
    best, kind = -1, ""
    for line in lines:
        fields = line.split(" ")
        if "-" not in fields[6:]:
            continue
        point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4])
        # A later mount at the same point hides an earlier one.
        if len(point) >= best and (real == point or real.startswith(point.rstrip("/") + "/")):
            best, kind = len(point), fields[fields.index("-", 6) + 1]
    return kind


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
    try:
        lines = mountinfo.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return set()
    prefix = os.path.realpath(path).rstrip("/") + "/"
    points = (_OCTAL.sub(lambda match: chr(int(match[1], 8)), line.split(" ")[4]) for line in lines)
    return {point[len(prefix) :] for point in points if point.startswith(prefix) and point != prefix}
