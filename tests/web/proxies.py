"""Real reverse proxies in front of a real server."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.web.browser import missing
from tests.web.site import Answer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "web.md"
HOW_TO = PAGE.parent / "how-to" / "reverse-proxy.md"


@dataclass(frozen=True)
class Proxy:
    """One that listens at 127.0.0.1 for a name and port that browsers ask for. `root`: what stands before each path."""

    port: int
    host: str
    https: bool = False
    root: str = ""

    @property
    def origin(self) -> str:
        return f"{'https' if self.https else 'http'}://{self.host}"

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, me: str = ""
    ) -> Answer:
        """`me`: the address of 127.0.0.0/8 that asks."""
        connection = self._connection((me or "127.0.0.1", 0))
        try:
            connection.request(method, self.root + path, body, {"Host": self.host, **(headers or {})})
            answer = connection.getresponse()
            found: dict[str, str] = {}
            for name, value in answer.getheaders():
                found[name.lower()] = f"{found[name.lower()]}, {value}" if name.lower() in found else value
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def _connection(self, source: tuple[str, int]) -> http.client.HTTPConnection:
        if not self.https:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=source)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, source_address=source, context=context)


def documented_nginx() -> str:
    """The nginx block of docs/web.md, for a path of its own."""
    [block] = re.findall(r"^    location /tagger/ \{\n.*?^    \}$", PAGE.read_text(), re.M | re.S)
    return str(block)


def documented_server() -> str:
    """What the nginx server of docs/how-to/reverse-proxy.md does with each request."""
    [block] = re.findall(r"^    location / \{\n.*?^    \}$", HOW_TO.read_text(), re.M | re.S)
    return str(block)


@contextmanager
def nginx(folder: Path, port: int, location: str, https: bool = False) -> Iterator[None]:
    """nginx as Debian has it, with one server that holds the location."""
    certificate(folder)
    tls = f" ssl; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem" if https else ""
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))  # fmt: skip
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; error_log stderr; pid {folder}/nginx.pid;\nevents {{}}\n"
        f"http {{ access_log off;\n{temporary}server {{ listen 127.0.0.1:{port}{tls};\n{location}\n}} }}\n"
    )
    with _running(["nginx", "-c", str(config), "-p", str(folder)], port, "nginx-light"):
        yield


@contextmanager
def caddy(folder: Path, port: int, target: int) -> Iterator[None]:
    """With the block of docs/how-to/reverse-proxy.md, but for HTTPS, which would ask for a certificate."""
    [block] = re.findall(r"^```caddy\n(.+?)^```$", HOW_TO.read_text(), re.M | re.S)
    config = folder / "Caddyfile"
    here = block.replace("photos.example.org", f"http://:{port}").replace("127.0.0.1:8643", f"127.0.0.1:{target}")
    config.write_text(f"{{\n admin off\n auto_https off\n}}\n{here}")
    with _running(["caddy", "run", "--config", str(config), "--adapter", "caddyfile"], port, ""):
        yield


@contextmanager
def haproxy(folder: Path, port: int, target: int) -> Iterator[None]:
    certificate(folder)
    config = folder / "haproxy.cfg"
    config.write_text(
        "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n option forwardfor\n"
        f"listen all\n bind 127.0.0.1:{port} ssl crt {folder}/both.pem\n"
        " http-request set-header X-Forwarded-Proto https if { ssl_fc }\n"
        f" server tagger 127.0.0.1:{target}\n"
    )
    with _running(["haproxy", "-db", "-f", str(config)], port, ""):
        yield


@contextmanager
def apache(folder: Path, port: int, target: int) -> Iterator[None]:
    certificate(folder)
    modules = Path("/usr/lib/apache2/modules")
    loaded = "".join(
        f"LoadModule {name}_module {modules}/mod_{name}.so\n"
        for name in ("mpm_event", "authz_core", "proxy", "proxy_http", "headers", "ssl")
    )
    config = folder / "apache.conf"
    config.write_text(
        f"{loaded}ServerName proxy\nDefaultRuntimeDir {folder}\nPidFile {folder}/apache.pid\n"
        f"ErrorLog {folder}/error.log\n"
        f"Listen 127.0.0.1:{port}\nSSLEngine on\nSSLCertificateFile {folder}/cert.pem\n"
        f"SSLCertificateKeyFile {folder}/key.pem\nProxyPass / http://127.0.0.1:{target}/\n"
        "RequestHeader set X-Forwarded-Proto https\n"
    )
    with _running(["apache2", "-D", "FOREGROUND", "-f", str(config)], port, ""):
        yield


def certificate(folder: Path) -> None:
    if (folder / "cert.pem").exists():
        return
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=nas", "-days", "2", "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command, *names], check=True, capture_output=True)
    (folder / "both.pem").write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(command: list[str], port: int, needed: str) -> Iterator[None]:
    """`needed`: the Debian package without which a test fails where nothing may be skipped."""
    path = os.environ["PATH"] + ":/usr/sbin"
    program = shutil.which(command[0], path=path)
    if program is None:
        import pytest

        if needed:
            missing(f"there is no {command[0]} (Debian: apt install {needed})")
        pytest.skip(f"there is no {command[0]}")
    process = subprocess.Popen(
        [program, *command[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    assert process.stdout is not None
    try:
        for _ in range(200):
            assert process.poll() is None, process.stdout.read()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            raise AssertionError(f"{command[0]} does not listen")
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()
