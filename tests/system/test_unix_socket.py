"""A photo whose name somebody gave for a socket must stay a photo."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tagger.core.config import WebSettings
from tagger.core.errors import ConfigError
from tagger.service import health
from tagger.system import unix_socket
from tagger.web import serve


def serve_health(path: Path) -> Any:
    return health.serve(f"unix:{path}", lambda: None, lambda: None, list)  # type: ignore[arg-type,return-value]


def serve_page(path: Path) -> Any:
    return serve._listen(WebSettings(listen=f"unix:{path}"))


SERVERS = [serve_health, serve_page]


def a_file(path: Path) -> None:
    path.write_bytes(b"a photo")


def a_link(path: Path) -> None:
    path.with_suffix(".original").write_bytes(b"a photo")
    path.symlink_to(path.with_suffix(".original"))


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("make", [a_file, a_link, a_folder, a_pipe])
def test_what_is_no_socket_is_left_alone(
    tmp_path: Path, make: Callable[[Path], None], server: Callable[[Path], Any]
) -> None:
    path = tmp_path / "cat.jpg"
    make(path)
    before = os.lstat(path)
    with pytest.raises(ConfigError, match="no socket"):
        server(path)
    assert os.lstat(path) == before


@pytest.mark.parametrize("server", SERVERS)
def test_a_dead_process_socket_is_taken_over_and_a_living_one_is_not(
    tmp_path: Path, server: Callable[[Path], Any]
) -> None:
    path = tmp_path / "web.sock"
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(os.fspath(path))
        living.listen()
        with pytest.raises(ConfigError, match="another program listens there"):
            server(path)
        living.settimeout(5)
        living.accept()[0].close()
    # It left its socket behind.
    assert path.is_socket()
    server(path).close()


def test_at_the_end_only_a_socket_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "cat.jpg"
    serving = serve_health(path)
    path.unlink()
    path.write_bytes(b"a photo")
    serving.close()
    assert path.read_bytes() == b"a photo"
    unix_socket.remove(os.fspath(tmp_path / "nothing"))
