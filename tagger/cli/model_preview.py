"""`tagger model preview`: what another model would make of the library, before it is used."""

from __future__ import annotations

import click

from tagger.cli.common import count, duration, print_differences, settings_of, weights_option, write_json
from tagger.cli.groups import model_names
from tagger.cli.progress import ByteMeter, Meter
from tagger.core.errors import ExitCode
from tagger.core.progress import Callbacks


@click.command(
    "preview",
    epilog="\b\nExamples:\n  tagger model preview efficientnet_b0\n  tagger model preview efficientnet_b0 --sample 500",
)
@click.argument("name", shell_complete=model_names)
@weights_option
@click.option("--sample", type=click.IntRange(1, 100_000), default=200, show_default=True, help="Photos to look at.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def preview_model(context: click.Context, name: str, weights: str | None, sample: int, as_json: bool) -> int:
    """Look at a sample of the library with model NAME and tell what would change. Nothing is stored."""
    from dataclasses import asdict

    from tagger.inference.lookup import architecture
    from tagger.pipeline.preview import preview
    from tagger.store.library import open_library

    settings = settings_of(context, model__name=name, model__weights=weights)
    architecture(name, settings.data_dir)
    with (
        open_library(settings) as library,
        ByteMeter(f"Fetching the weights of {name}", quiet=as_json) as bytes_meter,
        Meter("Looking", sample, quiet=as_json) as meter,
    ):
        callbacks = Callbacks(lambda done, _total: meter.update(done), bytes_meter.update)
        found = preview(library, sample, callbacks)
    if as_json:
        write_json(asdict(found), indent=2)
        return ExitCode.DONE
    print(
        f"{count(found.sample, 'photo')} looked at: {found.same:,} keep their labels; agreement {found.agreement:.0%}."
    )
    print_differences(found.gained, found.lost, found.examples)
    print(
        f"The whole library, {count(found.photos, 'photo')}, would take about {duration(found.seconds)} "
        f"({found.photos_per_second:.1f} photos/s)."
    )
    return ExitCode.DONE
