"""What can be relied on of the file system that a folder is on."""

from __future__ import annotations

import os
import re
from pathlib import Path

# File systems that keep a file's inode number and ctime until the file is replaced. Network file systems and
# FUSE make numbers up, and may make up others after a restart.
_STABLE = frozenset("ext2 ext3 ext4 xfs btrfs zfs f2fs tmpfs jfs reiserfs ufs apfs hfsplus bcachefs".split())
# Other machines hold the files of these: databases are not safe on them.
_NETWORK = ("nfs", "cifs", "smb", "fuse.sshfs", "9p", "afs", "ceph", "glusterfs")
# The kernel does not tell of everything that changes on these, because somebody else changes it.
_SILENT = (*_NETWORK, "fuse", "virtiofs", "vboxsf", "davfs", "overlay")
_OCTAL = re.compile(r"\\([0-7]{3})")


def kind_of(path: str, mountinfo: Path = Path("/proc/self/mountinfo")) -> str:
    """The type of the file system that holds a path, as the kernel names it; empty where that is not known.

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
        # A later line of the same mount point covers an earlier one.
        if len(point) >= best and (real == point or real.startswith(point.rstrip("/") + "/")):
            best, kind = len(point), fields[fields.index("-", 6) + 1]
    return kind


def is_network(kind: str) -> bool:
    """Whether a type of file system, as `kind_of` tells it, is another machine's."""
    return kind.startswith(_NETWORK)


def is_silent(kind: str) -> bool:
    """Whether files on a type of file system change without the kernel telling."""
    return kind.startswith(_SILENT)


def keeps_inodes(path: str) -> bool:
    """Whether inode numbers and ctimes below a path tell an unchanged file."""
    return kind_of(path) in _STABLE
