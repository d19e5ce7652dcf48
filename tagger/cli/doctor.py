"""`tagger doctor`: check this machine and this library."""

from __future__ import annotations

from typing import Any

import click

from tagger.cli.common import settings_of, write_json
from tagger.core.errors import ExitCode


@click.command("doctor", epilog="\b\nExamples:\n  tagger doctor\n  tagger doctor --json")
@click.option("--json", "as_json", is_flag=True, help="A JSON list of objects.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """Check this machine and this library; each finding comes with its cure. Exit code 1 if something is wrong."""
    from tagger.core.config_sources import config_file_used
    from tagger.service.doctor import Grade, examine

    findings: list[dict[str, Any]] = []
    settings = settings_of(context)
    for finding in examine(settings, config_file_used(context.obj["config"])):
        findings.append({"grade": finding.grade, "about": finding.about, "text": finding.text, "cure": finding.cure})
        if not as_json:
            print(f"{finding.grade:5} {finding.about}: {finding.text}", flush=True)
            for line in finding.cure.splitlines():
                print(f"        {line}")
    if as_json:
        write_json(findings, indent=2)
    return ExitCode.SOME_FAILED if any(found["grade"] == Grade.BAD for found in findings) else ExitCode.DONE
