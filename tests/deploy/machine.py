"""An empty machine: a file system of its own, read-only but for what is declared, where a program runs as a user.

Its network is its own, too, so that two of them may listen at the port that the image declares.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
# What the system itself brings, as it is here.
_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "etc", "proc", "dev")


@dataclass
class Machine:
    """`writable`: folders with their mode; those of mode 0700 belong to `user`, others to root. `installed`: where the
    virtual environment is to be found. `photos`: a gallery, some of which is copied to `photos_at`. `capabilities`:
    what root may do there, see capabilities(7)."""

    user: int
    group: int
    photos: Path
    photos_at: str
    installed: str
    writable: Mapping[str, int]
    environ: dict[str, str] = field(default_factory=dict)
    capabilities: Sequence[str] = ()

    def run(self, service: Sequence[str], ask: Sequence[str], expected: str) -> str:
        """Start the service, ask until the answer holds `expected`, end the service; everything that was said.

        The last lines are what it told systemd, how it ended, and the owners of its files.
        """
        script = "\n".join([*self._build(), *self._start(service, ask, expected)])
        done = subprocess.run(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "bash", "-c", script],
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    def _build(self) -> list[str]:
        root = "/mnt"
        # SIOCSIFFLAGS with IFF_UP, see netdevice(7).
        loopback = "import fcntl,socket,struct; fcntl.ioctl(socket.socket(),0x8914,struct.pack('16sh14x',b'lo',1))"
        lines = ["set -eu", f"{shlex.quote(sys.executable)} -c {shlex.quote(loopback)}"]
        lines += ["mount --make-rprivate /", f"mount -t tmpfs -o mode=755 none {root}"]
        for name in _SYSTEM:
            if os.path.islink(f"/{name}"):
                lines.append(f"cp -P /{name} {root}/{name}")
            elif os.path.isdir(f"/{name}"):
                lines += [f"mkdir {root}/{name}", f"mount --rbind /{name} {root}/{name}"]
        for path, mode in {"/run": 0o755, "/tmp": 0o1777, **self.writable}.items():
            owner = f",uid={self.user},gid={self.group}" if mode == 0o700 else ""
            lines += [f"mkdir -p {root}{path}", f"mount -t tmpfs -o mode={mode:o}{owner} none {root}{path}"]
        for path in {sys.base_prefix, sys.prefix, str(TOP)}:
            if not path.startswith("/usr"):
                lines += [f"mkdir -p {root}{path}", f"mount --bind {path} {root}{path}"]
        lines += [f"mkdir -p {root}{self.installed}", f"mount --bind {sys.prefix} {root}{self.installed}"]
        lines += [f"mkdir -p {root}{self.photos_at}", f"cp {self.photos}/coffee*.jpg {root}{self.photos_at}/"]
        return [*lines, f"mount -o remount,ro {root}"]

    def _start(self, service: Sequence[str], ask: Sequence[str], expected: str) -> list[str]:
        known = {"PATH": f"{self.installed}/bin:/usr/bin:/bin", "PYTHONPATH": str(TOP), "PYTHONDONTWRITEBYTECODE": "1"}
        values = [f"{name}={value}" for name, value in {**known, **self.environ}.items()]
        bounds = ",".join(["-all", *(f"+{name}" for name in self.capabilities)])
        as_user = ["chroot", "/mnt", "setpriv", f"--reuid={self.user}", f"--regid={self.group}", "--clear-groups",
                   "--no-new-privs", f"--bounding-set={bounds}", "--inh-caps=-all", "env", "-i", *values]  # fmt: skip
        listen = (
            "import os,socket; s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.bind('/mnt/run/notify');"
            "os.chmod('/mnt/run/notify',0o666);"
            "[print('systemd heard',s.recv(4096).decode().split(),flush=True) for _ in range(1000)]"
        )
        return [
            f"{shlex.quote(sys.executable)} -c {shlex.quote(listen)} &",
            "while ! test -S /mnt/run/notify; do sleep 0.05; done",
            f"{shlex.join([*as_user, 'NOTIFY_SOCKET=/run/notify', *service])} 2>&1 &",
            "service=$!",
            "for attempt in $(seq 60); do",
            f"  said=$({shlex.join([*as_user, *ask])} 2>&1 || true)",
            f"  case $said in *{shlex.quote(expected)}*) break;; esac",
            "  kill -0 $service || break; sleep 0.5",
            "done",
            'echo "$said"',
            "kill -TERM $service; code=0; wait $service || code=$?",
            'echo "ended with $code"',
            f"find {' '.join(f'/mnt{path}' for path in self.writable)} -type f -printf '%U:%G %p\\n'",
        ]


def cannot() -> str:
    """Why there is no such machine here; empty if there is one."""
    if os.geteuid() != 0:
        return "only root can make file systems of its own"
    for program in ("unshare", "setpriv", "chroot"):
        if shutil.which(program) is None:
            return f"there is no {program}"
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "mount", "-t", "tmpfs", "none", "/mnt"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return "" if tried.returncode == 0 else f"no file systems of its own can be made: {tried.stderr.strip()}"
