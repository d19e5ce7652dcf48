"""`tagger model`: which networks there are, which one this library uses, and their weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger.cli import voice
from tagger.cli.common import count, settings_of, weights_option, write_json
from tagger.cli.groups import WholeHelp, model_names
from tagger.cli.model_export import export_model
from tagger.cli.model_preview import preview_model
from tagger.cli.progress import ByteMeter
from tagger.core.errors import ExitCode, ModelError, UsageError
from tagger.store.counts import count_totals
from tagger.store.models import all_models

if TYPE_CHECKING:
    from tagger.core.config import Settings
    from tagger.inference.registry import Architecture


@click.group(
    "model",
    cls=WholeHelp,
    invoke_without_command=True,
    epilog="""\b
Examples:
  tagger model list
  tagger model fetch resnet50
  tagger model use mobilenet_v2
  tagger model use mobilenet_v2 --weights ~/mobilenet_v2.weights.h5
  tagger model preview efficientnet_b0 --sample 200
  tagger model export --to resnet50.tflite""",
)
@click.pass_context
def command(context: click.Context) -> int:
    """The models: which there are, which one is used, and their weights. Without a command, the list."""
    code: int = context.invoke(list_models) if context.invoked_subcommand is None else ExitCode.DONE
    return code


@command.command("list", epilog="\b\nExamples:\n  tagger model list\n  tagger model list --json | jq '.[].name'")
@click.option("--json", "as_json", is_flag=True, help="A JSON list of objects.")
@click.pass_context
def list_models(context: click.Context, as_json: bool) -> int:
    """Every model; a star marks the one that is wanted."""
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
        to_fetch = "here" if about["here"] else f"{about['megabytes']} MB to fetch"
        here = "in the package" if about["packaged"] else to_fetch
        print(f"{mark} {about['name']:18} {here:16} {about['about']}")
    _print_note(settings)
    return ExitCode.DONE


@command.command("show", epilog="\b\nExamples:\n  tagger model show\n  tagger model show resnet50")
@click.argument("name", required=False, shell_complete=model_names)
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
        "Model": about["name"] + (" (the one that is wanted)" if about["used"] else ""),
        "About": about["about"],
        "Input": f"{about['input_size']} x {about['input_size']} pixels",
        "Features": f"{about['features']} numbers a photo",
        "Weights": _weights_row(about),
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
    if about["used"] and not about["fault"]:
        _print_note(settings)
    return ExitCode.MODEL if about["fault"] else ExitCode.DONE


@command.command("fetch", epilog="\b\nExamples:\n  tagger model fetch\n  tagger model fetch mobilenet_v2")
@click.argument("name", required=False, shell_complete=model_names)
@click.pass_context
def fetch_model(context: click.Context, name: str | None) -> int:
    """Fetch the weights of model NAME, or of the one that is used, and verify them."""
    from tagger.inference.download import ensure_weights, fetch_weights
    from tagger.inference.lookup import architecture
    from tagger.inference.weights import find_weights, weights_url
    from tagger.service import control

    settings = settings_of(context, model__name=name)
    wanted = architecture(settings.model.name, settings.data_dir)
    found = find_weights(settings, wanted)
    if found is None and wanted.network is not None:
        ensure_weights(settings, wanted)
    if found is not None:
        if settings.model.weights is None:
            voice.done(f"There is nothing to fetch: the weights of {wanted.name} are here already: {found.path}")
        else:
            voice.done(f"There is nothing to fetch: {wanted.name} has a file of your own, {found.path}")
        return ExitCode.DONE
    if wanted.built_in and not weights_url(settings, wanted):
        voice.done(f"There is nothing to fetch: {wanted.name} is in the package.")
        return ExitCode.DONE
    with ByteMeter(f"Fetching the weights of {wanted.name}") as meter:
        found = fetch_weights(settings, wanted, meter.update)
    voice.done(
        f"Fetched the weights of {wanted.name}: {found.path}\nSHA-256 {found.sha256}, checked {found.verified_by}"
    )
    if control.wake(settings.data_dir):
        voice.done("The running service was told.")
    return ExitCode.DONE


@command.command(
    "use",
    epilog="""\b
Examples:
  tagger model use mobilenet_v2
  tagger model use mobilenet_v2 --weights ~/mobilenet_v2.weights.h5
  tagger model use efficientnet_lite2      the one in the package""",
)
@click.argument("name", shell_complete=model_names)
@weights_option
@click.pass_context
def use(context: click.Context, name: str, weights: str | None) -> int:
    """Use model NAME from now on. The next backfill looks at every photo again; until then old labels stay."""
    from tagger.core.config_sources import save_model_choice, where_model_is_set
    from tagger.inference.lookup import architecture
    from tagger.inference.selection import locate_model, why_not_tensorflow
    from tagger.service import control

    wanted = architecture(name, settings_of(context).data_dir)
    source = where_model_is_set(context.obj["config"])
    if source:
        raise UsageError(
            f"The model is set in {source}, which wins over `tagger model use`.",
            f'Write there [model] name = "{name}", or remove the model from it and run this again.',
        )
    settings = settings_of(context, model__name=name, model__weights=weights)
    located = locate_model(settings, wanted)
    path = save_model_choice(settings, name, None if weights is None else Path(weights))
    file = settings.model.weights
    voice.done(f"From now on tagger uses {name}{'' if file is None else f' with {file}'} (noted in {path}).")
    if control.reload(settings.data_dir):
        voice.done("The running service was told.")
    if located.light is None and why_not_tensorflow():
        _print_note(settings)
        return ExitCode.DONE
    if not located.is_here:
        voice.done(
            f"Its weights ({wanted.megabytes} MB) are fetched when they are needed, or now: tagger model fetch {name}"
        )
    stale = _labelled_by_others(settings, located.model_id or "")
    if stale:
        voice.done(f"{count(stale, 'photo')} labelled by another model will be looked at again by: tagger backfill")
    return ExitCode.DONE


def _print_note(settings: Settings) -> None:
    """Why another model labels than the wanted one, if it does."""
    from tagger.inference.selection import model_status

    note = model_status(settings).note
    if note:
        voice.note(f"\n{note}")


def _weights_row(about: dict[str, Any]) -> str:
    if about["here"]:
        return str(about["weights"])
    if about["packaged"]:
        return "its light model is in the package, and needs none"
    return f"{about['weights']} (not here yet, {about['megabytes']} MB)"


command.add_command(preview_model)
command.add_command(export_model)


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
    """What is known of a model. `checked`: verify its files, too."""
    from tagger.core.config_sources import remembered_weights
    from tagger.inference.selection import locate_model, with_model
    from tagger.inference.weights import configured_weights_path, weights_url

    used = architecture.name == settings.model.name
    if not used:
        settings = with_model(settings, weights=remembered_weights(settings.data_dir).get(architecture.name), sha256="")
    path = configured_weights_path(settings, architecture)
    about = {
        "name": architecture.name,
        "used": used,
        "about": architecture.about,
        "megabytes": architecture.megabytes,
        "input_size": architecture.input_size,
        "features": architecture.features,
        "url": weights_url(settings, architecture),
        "weights": str(path),
        "here": path.is_file(),
        "packaged": bool(architecture.built_in),
    }
    if not checked:
        return about
    about |= {"sha256": None, "verified_by": None, "model_id": None, "light": None, "fault": None}
    try:
        located = locate_model(settings, architecture)
    except ModelError as error:
        return about | {"fault": error.message}
    about["model_id"] = located.model_id
    if located.weights is not None:
        about |= {"sha256": located.weights.sha256, "verified_by": located.weights.verified_by}
    if located.light is not None:
        about |= {"light": f"{located.light_path}, {located.light}", "sha256": located.light.weights_sha256}
    return about
