"""`tagger model`: which networks there are, which one this library uses, and their weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger.cli.common import absolute, count, duration, print_differences, settings_of, weights_option, write_json
from tagger.cli.progress import ByteMeter, Meter, Stages
from tagger.core.errors import ExitCode, ModelError, UsageError
from tagger.core.progress import Callbacks
from tagger.store.counts import count_totals
from tagger.store.models import all_models

if TYPE_CHECKING:
    from tagger.core.config import Settings
    from tagger.inference.registry import Architecture


@click.group(
    "model",
    epilog="""\b
Examples:
  tagger model list
  tagger model fetch resnet50
  tagger model use mobilenet_v2
  tagger model use mobilenet_v2 --weights ~/mobilenet_v2.weights.h5
  tagger model preview efficientnet_b0 --sample 200
  tagger model export --to resnet50.tflite""",
)
def command() -> None:
    """The models: which there are, which one is used, and their weights."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON list of objects.")
@click.pass_context
def list_models(context: click.Context, as_json: bool) -> int:
    """Every model; a star marks the one that is used."""
    from tagger.inference.lookup import architecture, trained_names
    from tagger.inference.registry import REGISTRY

    settings = settings_of(context)
    names = [*REGISTRY, *trained_names(settings.data_dir)]
    found = [_about(settings, architecture(name, settings.data_dir), checked=False) for name in names]
    if as_json:
        write_json(found, indent=2)
        return ExitCode.DONE
    for about in found:
        mark = "*" if about["used"] else " "
        here = "here" if about["here"] else f"{about['megabytes']} MB to fetch"
        print(f"{mark} {about['name']:16} {here:16} {about['about']}")
    return ExitCode.DONE


@command.command("show")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def show(context: click.Context, name: str | None, as_json: bool) -> int:
    """Everything about model NAME, or about the one that is used."""
    from tagger.inference.lookup import architecture

    settings = settings_of(context)
    about = _about(settings, architecture(name or settings.model.name, settings.data_dir), checked=True)
    if as_json:
        write_json(about, indent=2)
        return ExitCode.DONE
    rows = {
        "Model": about["name"] + (" (the one in use)" if about["used"] else ""),
        "About": about["about"],
        "Input": f"{about['input_size']} x {about['input_size']} pixels",
        "Features": f"{about['features']} numbers a photo",
        "Weights": about["weights"] + ("" if about["here"] else f" (not here yet, {about['megabytes']} MB)"),
        "Address": about["url"],
        "SHA-256": about["sha256"],
        "Checked": about["verified_by"],
        "ModelId": about["model_id"],
        "Light": about["light"],
        "Fault": about["fault"],
    }
    for label, value in rows.items():
        if value:
            print(f"{label:9} {value}")
    return ExitCode.MODEL if about["fault"] else ExitCode.DONE


@command.command("fetch")
@click.argument("name", required=False)
@click.pass_context
def fetch_weights(context: click.Context, name: str | None) -> int:
    """Fetch the weights of model NAME, or of the one that is used, and verify them."""
    from tagger.inference.lookup import architecture
    from tagger.inference.weights import fetch, find, locate

    settings = settings_of(context)
    # A local file is for one model; what is fetched goes into the data directory.
    settings = _with_model(settings, weights=None)
    wanted = architecture(name or settings.model.name, settings.data_dir)
    found = find(settings, wanted)
    if found is None and wanted.network is not None:
        locate(settings, wanted, lambda _done, _total: None)
    if found is not None:
        print(f"The weights of {wanted.name} are here already: {found.path}")
        return ExitCode.DONE
    with ByteMeter(f"Fetching the weights of {wanted.name}") as meter:
        found = fetch(settings, wanted, meter.update)
    print(f"Fetched the weights of {wanted.name}: {found.path}\nSHA-256 {found.sha256}, checked {found.verified_by}")
    return ExitCode.DONE


@command.command("use")
@click.argument("name")
@weights_option
@click.pass_context
def use(context: click.Context, name: str, weights: str | None) -> int:
    """Use model NAME from now on. The next backfill looks at every photo again; until then old labels stay."""
    from tagger.core.config_sources import save_model_choice, where_model_is_set
    from tagger.inference.lookup import architecture
    from tagger.inference.registry import model_id
    from tagger.inference.weights import find
    from tagger.service import control

    wanted = architecture(name, settings_of(context).data_dir)
    source = where_model_is_set(context.obj["config"])
    if source:
        raise UsageError(
            f"The model is set in {source}, which wins over `tagger model use`.",
            f'Write there [model] name = "{name}", or remove the model from it and run this again.',
        )
    file = None if weights is None else Path(weights)
    settings = settings_of(context)
    found = find(_with_model(settings, name=name, weights=file), wanted)
    path = save_model_choice(settings, name, file)
    print(f"From now on tagger uses {name} (noted in {path}).")
    if control.ask(settings.data_dir, {"ask": "reload"}) is not None:
        print("The running service was told.")
    if found is None:
        print(
            f"Its weights ({wanted.megabytes} MB) are fetched when they are needed, or now: tagger model fetch {name}"
        )
    stale = _labelled_by_others(settings, "" if found is None else model_id(wanted, found.sha256))
    if stale:
        print(f"{count(stale, 'photo')} labelled by another model will be looked at again by: tagger backfill")
    return ExitCode.DONE


@command.command("preview")
@click.argument("name")
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

    settings = settings_of(context, model__name=name)
    architecture(name, settings.data_dir)
    if weights is not None or name != settings_of(context).model.name:
        settings = _with_model(settings, weights=None if weights is None else Path(weights))
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


@command.command(
    "export",
    epilog="""\b
The light model runs in LiteRT (pip install 'tagger[light]'), with a quarter of
the memory and without TensorFlow. A third of the sampled photos calibrates it;
on the others it is compared with the model it was made from, and refused if it
differs too often.

\b
Examples:
  tagger model export
  tagger model export mobilenet_v2 --photos ~/Photos --to mobilenet_v2.tflite""",
)
@click.argument("name", required=False)
@weights_option
@click.option(
    "--to", metavar="FILE", type=click.Path(dir_okay=False), help="Where to write it, to be copied elsewhere."
)
@click.option(
    "--photos", metavar="FOLDER", multiple=True, type=click.Path(), help="Photos of this folder, not the library's."
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
def export_light(
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

    from tagger.inference.light_export import export
    from tagger.inference.lookup import architecture
    from tagger.service import control

    settings = settings_of(context)
    wanted = architecture(name or settings.model.name, settings.data_dir)
    if weights is not None or wanted.name != settings.model.name:
        settings = _with_model(settings, weights=None if weights is None else Path(weights))
    with (
        ByteMeter(f"Fetching the weights of {wanted.name}", quiet=as_json) as bytes_meter,
        Stages(quiet=as_json) as stages,
    ):
        made = export(
            settings,
            wanted,
            None if to is None else Path(absolute(to)),
            [absolute(folder) for folder in photos],
            sample,
            least_agreement,
            bytes_meter.update,
            stages.update,
        )
    told = made.used and control.ask(settings.data_dir, {"ask": "reload"}) is not None
    if as_json:
        about = {"path": str(made.path), "megabytes": round(made.megabytes, 1), "used": made.used}
        write_json(about | asdict(made.about), indent=2)
        return ExitCode.DONE
    print(f"Made the light model of {wanted.name}: {made.path} ({made.megabytes:.0f} MB)")
    print(f"Calibrated on {count(made.about.calibrated_on, 'photo')}; {made.about} that it was not calibrated on.")
    if made.used:
        print('This library is labelled by it from now on; with engine.kind = "tensorflow" it is not.')
    if told:
        print("The running service was told.")
    description = "" if wanted.network is None else f", with models/{wanted.name}.model.json from here"
    print(
        f"For another machine: copy it to models/{wanted.name}.tflite in its data directory"
        f"{description}, and there run\n"
        "  pip install 'tagger[light]'"
    )
    return ExitCode.DONE


def _with_model(settings: Settings, **changes: Any) -> Settings:
    """The settings with another model."""
    return settings.model_copy(update={"model": settings.model.model_copy(update=changes)})


def _labelled_by_others(settings: Settings, model_id: str) -> int:
    from tagger.core.errors import NoLibraryError
    from tagger.store.session import open_store

    try:
        with open_store(settings) as store, store.read() as session:
            models = all_models(session)
            by = count_totals(session).labelled_by
            return sum(number for row, number in by.items() if models[row].model_id != model_id)
    except NoLibraryError:
        return 0


def _about(settings: Settings, architecture: Architecture, *, checked: bool) -> dict[str, Any]:
    """What is known of a model. `checked`: look into the weights file, too."""
    from tagger.inference.light_model import find_light
    from tagger.inference.light_model import light_model_path as light_place
    from tagger.inference.registry import model_id
    from tagger.inference.weights import address, find, weights_path

    used = architecture.name == settings.model.name
    if not used:
        settings = _with_model(settings, weights=None)
    path = settings.model.weights or weights_path(settings, architecture)
    about = {
        "name": architecture.name,
        "used": used,
        "about": architecture.about,
        "megabytes": architecture.megabytes,
        "input_size": architecture.input_size,
        "features": architecture.features,
        "url": address(settings, architecture),
        "weights": str(path),
        "here": path.is_file(),
    }
    if not checked:
        return about
    about |= {"sha256": None, "verified_by": None, "model_id": None, "light": None, "fault": None}
    try:
        light = find_light(settings, architecture)
        found = find(settings, architecture)
    except ModelError as error:
        return about | {"fault": error.message}
    if found is not None:
        about |= {"sha256": found.sha256, "verified_by": found.verified_by}
        about["model_id"] = model_id(architecture, found.sha256)
    if light is not None:
        about["light"] = f"{light_place(settings, architecture)}, {light}"
        about |= {"sha256": light.weights_sha256, "model_id": model_id(architecture, light.weights_sha256)}
    return about
