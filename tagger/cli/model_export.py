"""`tagger model export`: the light model of a network, for machines with little memory."""

from __future__ import annotations

from pathlib import Path

import click

from tagger.cli import voice
from tagger.cli.common import absolute, count, settings_of, weights_option, write_json
from tagger.cli.groups import folders, model_names
from tagger.cli.progress import ByteMeter, Stages
from tagger.core.errors import ExitCode


@click.command(
    "export",
    epilog="""\b
The light model runs in LiteRT, with a quarter of the memory and without
TensorFlow. A third of the sampled photos calibrates it; on the others it is
compared with the model it was made from, and refused if it differs too often.

\b
Examples:
  tagger model export
  tagger model export mobilenet_v2 --photos ~/Photos --to mobilenet_v2.tflite""",
)
@click.argument("name", required=False, shell_complete=model_names)
@weights_option
@click.option(
    "--to", metavar="FILE", type=click.Path(dir_okay=False), help="Where to write it, to be copied elsewhere."
)
@click.option(
    "--photos",
    metavar="FOLDER",
    multiple=True,
    type=click.Path(),
    shell_complete=folders,
    help="Photos of this folder, not the library's.",
)
@click.option("--sample", type=click.IntRange(50, 100_000), default=300, show_default=True, help="Photos to look at.")
@click.option(
    "--least-agreement",
    metavar="SHARE",
    type=click.FloatRange(0, 1),
    default=0.9,
    show_default=True,
    help="Refuse a model whose first class is another one more often.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def export_model(  # noqa: PLR0913 - one parameter an option
    context: click.Context,
    name: str | None,
    weights: str | None,
    to: str | None,
    photos: tuple[str, ...],
    sample: int,
    least_agreement: float,
    as_json: bool,
) -> int:
    """Make the light model of NAME, or of the model that is used, for machines with little memory."""
    from dataclasses import asdict

    from tagger.inference.light_export import ExportOptions, export_light_model
    from tagger.inference.lookup import architecture
    from tagger.service import control
    from tagger.system.machine import require_tensorflow

    require_tensorflow("Making a light model")
    labelling = settings_of(context).model.name
    settings = settings_of(context, model__name=name, model__weights=weights)
    wanted = architecture(settings.model.name, settings.data_dir)
    if not as_json:
        switched = "" if to or wanted.name != labelling else " This library will be labelled by it then."
        voice.done(f"Making the light model of {wanted.name}, which takes a minute or more.{switched}", flush=True)
    with (
        ByteMeter(f"Fetching the weights of {wanted.name}", quiet=as_json) as bytes_meter,
        Stages(quiet=as_json) as stages,
    ):
        options = ExportOptions(
            None if to is None else Path(absolute(to)), tuple(map(absolute, photos)), sample, least_agreement
        )
        made = export_light_model(settings, wanted, options, bytes_meter.update, stages.update)
    used = made.used and wanted.name == labelling
    told = used and control.reload(settings.data_dir)
    if as_json:
        about = {"path": str(made.path), "megabytes": round(made.megabytes, 1), "used": used}
        write_json(about | asdict(made.about), indent=2)
        return ExitCode.DONE
    voice.done(f"Made the light model of {wanted.name}: {made.path} ({made.megabytes:.0f} MB)")
    voice.done(f"Calibrated on {count(made.about.calibrated_on, 'photo')}; {made.about} that it was not calibrated on.")
    if used:
        voice.done('This library is labelled by it from now on; with engine.kind = "tensorflow" it is not.')
    if told:
        voice.done("The running service was told.")
    description = "" if wanted.network is None else f", with models/{wanted.name}.model.json from here"
    voice.done(f"For another machine: copy it to models/{wanted.name}.tflite in its data directory{description}.")
    return ExitCode.DONE
