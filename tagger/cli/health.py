"""`tagger health`: whether the service is well, for containers and scripts."""

from __future__ import annotations

import click

from tagger.cli import voice
from tagger.cli.common import settings_of, write_json
from tagger.core.errors import ExitCode
from tagger.service.control_socket import reasons_unwell

# A container's health check is given up after 30 seconds.
_SECONDS = 10.0


@click.command(
    "health",
    epilog="""\b
Asks the service that works on this library, in the same container or on the
same machine, and opens no database. Exit code 0: it is well. 1: it is not, or
none is running; standard output says why. The same as /healthz tells, where
service.health is set.

\b
Examples:
  tagger health
  tagger health --json
  tagger health -q || systemctl restart tagger""",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """Whether the service is well: exit code 0 if it is, 1 if not, or if none is running."""
    reasons = reasons_unwell(settings_of(context).data_dir, _SECONDS)
    running = reasons is not None
    if reasons is None:
        reasons = ["No service is running."]
    if as_json:
        write_json({"ok": not reasons, "running": running, "reasons": reasons})
    elif not reasons:
        voice.done("The service is well.")
    else:
        print("\n".join(reasons))
    return ExitCode.SOME_FAILED if reasons else ExitCode.DONE
