"""`tagger export`: the whole library as CSV or JSON lines."""

from __future__ import annotations

import csv
import os
import sys
from io import TextIOWrapper
from typing import TextIO

import click

from tagger.cli.common import json_text, label_json, path_json, settings_of
from tagger.core.errors import ExitCode, UsageError
from tagger.core.full_disk import full_disk, is_full
from tagger.core.os_words import why
from tagger.labels.languages import language
from tagger.store import records
from tagger.store.models import all_models


@click.command(
    "export",
    epilog="\b\nExamples:\n  tagger export > library.jsonl\n  tagger export -o library.csv",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["jsonl", "csv"]),
    help="Unless given, as the output's name ends, else jsonl.",
)
@click.option("-o", "--output", type=click.Path(), help="Write to this file instead of standard output.")
@click.pass_context
def command(context: click.Context, kind: str | None, output: str | None) -> int:
    """Every photo with its labels: one JSON object a line, or CSV with one line for each photo and label."""
    kind = kind or ("csv" if output is not None and output.lower().endswith(".csv") else "jsonl")
    if output is None:
        if not sys.stdout.isatty() and isinstance(sys.stdout, TextIOWrapper):
            # A file, or another program: the same as with --output, whatever the terminal's encoding.
            sys.stdout.reconfigure(encoding="utf-8")
        _write(context, kind, sys.stdout)
        return ExitCode.DONE
    try:
        # "x": an existing file is never overwritten.
        with open(output, "x", encoding="utf-8", newline="") as file:
            _write(context, kind, file)
    except FileExistsError as error:
        raise UsageError(f"{output} exists.", "Name another file, or remove that one first.") from error
    except OSError as error:
        if is_full(error):
            # Half of it would look like all of it.
            os.unlink(output)
            raise full_disk(output, "the export") from error
        raise UsageError(f"{output} cannot be written: {why(error)}.") from error
    return ExitCode.DONE


def _write(context: click.Context, kind: str, file: TextIO) -> None:
    from tagger.store.session import open_store

    settings = settings_of(context)
    spoken = language(settings.labels.language)
    with open_store(settings) as store:
        with store.read() as session:
            models = all_models(session)
        table = csv.writer(file)
        if kind == "csv":
            table.writerow(
                ["path", "model", "taken", "state", "label", "wnid", "confidence", "rank", "origin", "shown"]
            )
        for record, labels in records.all_records(store):
            path = path_json(record.path.absolute)
            model = models[record.labelled_by].model_id if record.labelled_by else None
            if kind == "jsonl":
                value = path | {
                    "model": model,
                    "taken": record.taken,
                    "state": record.state,
                    "labels": [label_json(label, spoken) for label in labels],
                }
                file.write(json_text(value, file) + "\n")
                continue
            start = [path["path"], model, record.taken, record.state]
            for label in labels:
                table.writerow(
                    [
                        *start,
                        spoken.name_of(label.key, label.name),
                        label.wnid,
                        f"{label.confidence:.4f}",
                        label.rank,
                        label.origin.name.lower(),
                        int(label.shown),
                    ]
                )
            if not labels:
                table.writerow([*start, None, None, None, None, None, None])
