"""`tagger train`: a network of your own classes."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger.cli import voice
from tagger.cli.common import absolute, count, duration, settings_of, weights_option, write_json
from tagger.cli.groups import WithSubcommands
from tagger.cli.progress import ByteMeter, Meter
from tagger.core.clock import SystemClock
from tagger.core.errors import ExitCode, UsageError
from tagger.core.paths import shown_path
from tagger.inference.training.train import TrainingListener

if TYPE_CHECKING:
    from tagger.core.config import Settings
    from tagger.core.progress import StopCheck
    from tagger.inference.training.train import TrainingOptions, TrainingResult


class _Screen(TrainingListener):
    """Shows training: a meter for each epoch, and a line at its end."""

    def __init__(self, stack: ExitStack, epochs: int, quiet: bool, should_stop: StopCheck) -> None:
        self._stack = stack
        self._epochs = epochs
        self._quiet = quiet
        self._should_stop = should_stop
        self._meter: Meter | None = None
        self._what = ""
        self._clock = SystemClock()
        self._started = 0.0
        self._behind = 0

    def _tell(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            self._stack.close()
            self._what = what
            self._meter = self._stack.enter_context(Meter(what, total, quiet=self._quiet))
        if self._meter is not None:
            self._meter.update(done)

    def stage(self, what: str, done: int, total: int) -> None:
        self._tell(what.capitalize(), done, total)

    def ready(self, epochs_done: int, parameters: int, device: str) -> None:
        self._stack.close()
        self._started, self._behind = self._clock.monotonic(), epochs_done
        if not self._quiet:
            more = f", going on behind epoch {epochs_done}" if epochs_done else ""
            voice.note(f"Training {parameters:,} parameters on the {device}{more}")

    def batch(self, epoch: int, done: int, total: int) -> None:
        self._tell(f"Epoch {epoch} of {self._epochs}", done, total)

    def epoch(self, entry: dict[str, float]) -> None:
        self._stack.close()
        self._what = ""
        if not self._quiet:
            voice.note(
                f"Epoch {entry['epoch']:.0f} of {self._epochs}: accuracy {entry['accuracy']:.1%}, "
                f"on the validation {entry['val_accuracy']:.1%} (best {entry['best']:.1%})"
                f"{self._left(round(entry['epoch']))}"
            )

    def _left(self, epoch: int) -> str:
        """How long the remaining epochs take, if as long as those before."""
        if epoch >= self._epochs or epoch <= self._behind:
            return ""
        each = (self._clock.monotonic() - self._started) / (epoch - self._behind)
        return f", about {duration(each * (self._epochs - epoch))} to go"

    def stop(self) -> bool:
        return self._should_stop()


class _Train(WithSubcommands):
    """Takes a folder; `words` in its place is a command of its own. A folder of that name is `./words`."""

    names = ("words",)

    def subcommand(self, name: str) -> click.Command:
        from tagger.cli.train_words import command as words

        return words

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if args[:1] == ["words"]:
            return self.subcommand("words").make_context(f"{info_name} words", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(
    "train",
    cls=_Train,
    epilog="""\b
DIR is a folder, or a tar archive, with one folder of pictures a class, or
with such folders in train/ and test/; or CIFAR-10's binary version. A tenth
is held back for the validation. Without --architecture a small network is
trained from scratch. Ctrl-C stops it; the same command goes on where it was.

\b
Examples:
  tagger train ~/Pictures/by-class --name ours
  tagger train cifar10.tar.gz --name cifar10 --size 32
  tagger train DIR --name tuned --architecture mobilenet_v2 --fine-tune 30
  tagger backfill --model ours ~/Photos
  tagger model use ours


What you wrote about photos teaches the search for sentences:
  tagger train words --help""",
)
@click.argument("source", metavar="DIR", type=click.Path())
@click.option("--name", help="What the model is called; by default as DIR.")
@click.option("--architecture", metavar="NAME", default="small", show_default=True, help="Or one of: tagger model list")
@click.option("--size", type=click.IntRange(16, 600), help="Pixels a side: 32 for small, else the architecture's.")
@click.option(
    "--epochs", type=click.IntRange(1, 10_000), default=28, show_default=True, help="Passes over the pictures."
)
@click.option(
    "--batch-size", type=click.IntRange(2, 4096), help="Pictures at once; by default 16 to 128, by how many there are."
)
@click.option(
    "--blocks", metavar="WIDTHS", default="32,64,128", show_default=True, help="Channels of each block (small)."
)
@click.option(
    "--fine-tune", metavar="LAYERS", type=click.IntRange(1), help="Start from published weights; train the last LAYERS."
)
@click.option("--patience", type=click.IntRange(0), default=0, help="Stop after so many epochs without a better one.")
@click.option("--no-augment", is_flag=True, help="Do not shift and mirror the pictures.")
@click.option("--replace", "overwrite", is_flag=True, help="Take the place of the model of that name, which is lost.")
@click.option("--seed", type=int, default=1, show_default=True, help="For the same split and order again.")
@weights_option
@click.option("--json", "as_json", is_flag=True, help="No progress; one JSON object at the end.")
@click.pass_context
def command(  # noqa: PLR0913 - one parameter an option
    context: click.Context,
    source: str,
    name: str | None,
    architecture: str,
    size: int | None,
    epochs: int,
    batch_size: int | None,
    blocks: str,
    fine_tune: int | None,
    patience: int,
    no_augment: bool,
    overwrite: bool,
    seed: int,
    weights: str | None,
    as_json: bool,
) -> int:
    """Train a network on the classes in DIR; it can be used by --model NAME like any other."""
    from tagger.inference.registry import registered
    from tagger.inference.training.dataset import read_dataset
    from tagger.inference.training.train import SMALL, TrainingOptions, train
    from tagger.store.lock import TRAIN_LOCK, work_lock
    from tagger.system.machine import require_tensorflow

    settings = settings_of(context)
    require_tensorflow("Training a network")
    widths = _widths(blocks)
    kind = SMALL if architecture == SMALL else registered(architecture).name
    usual = 32 if kind == SMALL else registered(kind).input_size
    options = TrainingOptions(
        _name(settings, name, source, overwrite),
        kind,
        size or usual,
        widths if kind == SMALL else (),
        256,
        epochs,
        batch_size or 0,
        not no_augment,
        fine_tune or 0,
        patience,
        seed,
        settings.engine.precision,
    )
    if kind == SMALL and min(widths) and options.input_size >> len(widths) < 1:
        raise UsageError(f"{len(widths)} blocks halve pictures of {options.input_size} pixels to nothing.")
    with ExitStack() as stack:
        options = replace(options, start_weights=_start_weights(stack, settings, options, weights, as_json))
        dataset = read_dataset(absolute(source), settings.intake, seed)
        if not as_json:
            voice.note(
                f"{count(len(dataset.classes), 'class', 'classes')}; {len(dataset.train):,} pictures to train with, "
                f"{len(dataset.validation):,} for the validation, {len(dataset.test):,} for the test"
            )
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        stack.enter_context(work_lock(settings.data_dir, "train", TRAIN_LOCK))
        from tagger.system.stop_signals import stop_on_signals

        stop = stack.enter_context(stop_on_signals(_say_stopping))
        meters = stack.enter_context(ExitStack())
        result = train(settings, dataset, options, _Screen(meters, epochs, as_json, stop))
    return _print(result, as_json)


def _say_stopping() -> None:
    voice.note("\nStopping; the same command goes on behind the last whole epoch.")


def _widths(blocks: str) -> tuple[int, ...]:
    if not re.fullmatch(r"[0-9]+(,[0-9]+){1,5}", blocks) or not all(4 <= int(w) <= 1024 for w in blocks.split(",")):
        raise UsageError(
            f"--blocks {blocks} makes no network.", "Two to six numbers from 4 to 1024, such as 32,64,128."
        )
    return tuple(int(width) for width in blocks.split(","))


def _name(settings: Settings, name: str | None, source: str, overwrite: bool) -> str:
    from tagger.inference.custom_models import NAME, description_file
    from tagger.inference.registry import REGISTRY

    found = name or re.sub(r"[^a-z0-9._-]+", "-", Path(source).name.lower().removesuffix(".gz").removesuffix(".tar"))
    if not re.fullmatch(NAME, found) or found == "small":
        raise UsageError(
            f"{found!r} cannot be the name of a model.", "Lower-case letters, digits, - . and _: --name our-boats"
        )
    if found in REGISTRY:
        raise UsageError(f"{found!r} is a model already.", "Name yours otherwise: --name NAME")
    if not overwrite and description_file(settings.data_dir, found).exists():
        raise UsageError(
            f"There is a model {found!r} already; training it again would lose it.",
            "Name yours otherwise with --name NAME, or say --replace.",
        )
    return found


def _start_weights(
    stack: ExitStack, settings: Settings, options: TrainingOptions, weights: str | None, quiet: bool
) -> Path | None:
    """The published weights that fine-tuning starts from, else None. Raises UsageError, ModelError."""
    from tagger.inference.download import ensure_weights
    from tagger.inference.registry import registered

    if not options.fine_tune:
        if weights is not None:
            raise UsageError("--weights are what --fine-tune starts from.", "Say --fine-tune LAYERS, too.")
        return None
    if options.kind == "small":
        raise UsageError("There is nothing to fine-tune in a small network.", "Name one: --architecture mobilenet_v2")
    meter = stack.enter_context(ByteMeter(f"Fetching the weights of {options.kind}", quiet=quiet))
    same = settings.model.name == options.kind
    file = Path(weights) if weights is not None else settings.model.weights if same else None
    chosen = settings.model_copy(update={"model": settings.model.model_copy(update={"weights": file})})
    return ensure_weights(chosen, registered(options.kind), meter.update).path


def _print(result: TrainingResult, as_json: bool) -> int:
    if as_json:
        write_json(
            {
                "name": result.name,
                "stopped": result.stopped,
                "accuracy": round(result.accuracy, 4),
                "judged": result.judged,
                "best_epoch": result.best_epoch,
                "history": result.history,
                "classes": result.classes,
                "confusion": result.matrix,
                "skipped": result.skipped,
                "seconds": round(result.seconds, 1),
                "curves_png": result.curves,
                "confusion_png": result.confusion,
            },
            indent=2,
        )
    elif not result.stopped:
        for reason in result.skipped:
            voice.fault(f"skipped {reason}")
        where = "test" if result.judged == "test" else "validation"
        voice.done(
            f"{result.name}: accuracy {result.accuracy:.1%} on the {where} pictures, "
            f"by epoch {result.best_epoch} of {len(result.history)}, in {duration(result.seconds)}"
        )
        voice.done(f"  {shown_path(result.curves)}\n  {shown_path(result.confusion)}")
        voice.note(f"Use it: tagger backfill --model {result.name} FOLDER, or for good: tagger model use {result.name}")
    return ExitCode.INTERRUPTED if result.stopped else ExitCode.DONE
