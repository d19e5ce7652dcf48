"""`tagger web`: the web page and its API."""

from __future__ import annotations

import os
import signal
import sys
import threading

import click

from tagger.cli import voice
from tagger.cli.common import settings_of
from tagger.core.config import Settings
from tagger.core.config_origins import Setting, settings_with_origins
from tagger.core.errors import ExitCode, UsageError


@click.command(
    "web",
    epilog="""\b
Examples:
  tagger web                         on this machine: http://127.0.0.1:8643/
  tagger web --listen 0.0.0.0:8643   for every machine; needs a password
  tagger web --hash-password         asks for one, prints web.password_hash
Stop it with Ctrl-C. With web.enabled = true `tagger run` serves it, too.""",
)
@click.option("--listen", metavar="HOST:PORT", help="Where to listen instead of web.listen.")
@click.option("--hash-password", is_flag=True, help="Ask for a password, print its hash and end.")
@click.option("--beside-service", is_flag=True, hidden=True)
@click.pass_context
def command(context: click.Context, listen: str | None, hash_password: bool, beside_service: bool) -> int:
    """Serve the library as a web page with an API."""
    if hash_password:
        return _hash_password()
    from tagger.system import logs
    from tagger.system.niceness import step_back
    from tagger.web.serve import serve

    def load() -> Settings:
        return settings_of(context, web__listen=listen)

    def tell() -> tuple[Settings, list[Setting]]:
        return settings_with_origins(context.obj["config"], {**context.obj["flags"], "web.listen": listen})

    settings = load()
    logs.set_up(settings.service.log, quiet=voice.quiet(), verbose=voice.verbose())
    if beside_service:
        # People look now and then; labelling has weeks of work to do.
        os.nice(19)
        threading.Thread(target=_end_with_service, name="service", daemon=True).start()
    else:
        step_back(settings.service.nice)
    serve(
        load,
        tell,
        lambda address: voice.done(f"Serving {address}  (Ctrl-C stops it)", flush=True),
        beside=beside_service,
    )
    return ExitCode.DONE


def _end_with_service() -> None:
    """Wait for the end of the service, which holds the other end of standard input."""
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _hash_password() -> int:
    from tagger.web.login import LEAST_LETTERS, hash_password

    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < LEAST_LETTERS:
        raise UsageError(f"The password has fewer than {LEAST_LETTERS} characters.", "Take a longer one.")
    print(hash_password(password))
    return ExitCode.DONE
