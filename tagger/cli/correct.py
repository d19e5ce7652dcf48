"""`tagger correct`: say which labels of a photo are wrong, right or missing."""

from __future__ import annotations

import click

from tagger.cli import voice
from tagger.cli.common import label_json, path_json, settings_of, write_json
from tagger.cli.groups import label_names
from tagger.cli.photo_arguments import named, photo_options
from tagger.core.errors import ExitCode, UsageError
from tagger.core.paths import shown_path
from tagger.labels.languages import language


@click.command(
    "correct",
    epilog="""\b
What you say stays: through other rules, another model, another look at the
photo. Labels are named as `tagger show` names them; with --add any words will
do.

\b
Examples:
  tagger correct zoo.jpg --remove leopard --add jaguar
  tagger correct IMG_1.jpg IMG_2.jpg --add 'our boat'
  tagger correct zoo.jpg --confirm tiger
  tagger correct zoo.jpg --undo leopard
  tagger search -0 path:boats/ | tagger correct -0 - --add 'our boat'""",
)
@click.argument("photos", nargs=-1, type=click.Path(allow_dash=True), metavar="PHOTO|-...")
@photo_options
@click.option(
    "--remove",
    metavar="LABEL",
    multiple=True,
    shell_complete=label_names,
    help="It is wrong: take it away, and keep it away.",
)
@click.option(
    "--confirm",
    metavar="LABEL",
    multiple=True,
    shell_complete=label_names,
    help="It is right: keep it, whatever a model says.",
)
@click.option("--add", metavar="LABEL", multiple=True, shell_complete=label_names, help="It is missing: put it there.")
@click.option("--undo", metavar="LABEL", multiple=True, shell_complete=label_names, help="Forget what was said of it.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list with an object for each photo.")
@click.pass_context
def command(  # noqa: PLR0913 - one parameter an option
    context: click.Context,
    photos: tuple[str, ...],
    files_from: str | None,
    null: bool,
    remove: tuple[str, ...],
    confirm: tuple[str, ...],
    add: tuple[str, ...],
    undo: tuple[str, ...],
    as_json: bool,
) -> int:
    """Correct the labels of PHOTOS."""
    from tagger.labels.corrections import Correction, correct
    from tagger.service import control
    from tagger.store.library import open_library
    from tagger.store.taught_labels import all_taught

    said = Correction(remove, confirm, add, undo)
    if not said:
        raise UsageError("Nothing was said of the photos.", "Use --remove, --confirm, --add or --undo.")
    settings = settings_of(context)
    paths = named(photos, files_from, null).absolute
    with open_library(settings) as library:
        found = dict(zip(paths, correct(library, paths, said), strict=True))
        with library.store.read() as session:
            taught = bool(all_taught(session))
    if settings.keywords.mode != "off" or taught:
        control.wake(settings.data_dir)
    spoken = language(settings.labels.language)
    if as_json:
        write_json(
            [
                path_json(path) | {"labels": [label_json(label, spoken) for label in labels]}
                for path, labels in found.items()
            ]
        )
        return ExitCode.DONE
    for path, labels in found.items():
        names = ", ".join(label.name for label in spoken.of(labels) if label.shown)
        voice.done(f"{shown_path(path)}: {names or 'no labels'}")
    return ExitCode.DONE
