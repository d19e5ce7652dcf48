"""`tagger tags`: the labels of files, in the library or not, for scripts."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import click

from tagger.cli import voice
from tagger.cli.common import label_json, path_json, settings_of, write_json, write_path
from tagger.cli.photo_arguments import named, photo_options
from tagger.core.errors import ExitCode, NoLibraryError
from tagger.core.languages import LANGUAGES
from tagger.core.paths import shown_path
from tagger.labels.languages import language
from tagger.store.labels_by_path import LabelsByPath, StoredLabels
from tagger.store.reader import open_reader

if TYPE_CHECKING:
    from tagger.core.config import Settings
    from tagger.labels.languages import Language


@click.command(
    "tags",
    epilog="""\b
A line a file, in the order in which they were named: its path and its labels,
with a tabulator before each label. A file that the library has labelled is
answered from there, in a fraction of a second; any other is looked at by the
model that labelled the library, or the one in the package. Nothing is stored.

\b
Examples:
  tagger tags cat.jpg
  tagger tags --json ~/Downloads/*.jpg
  find . -name '*.jpg' -print0 | tagger tags -0 -
  tagger tags cat.jpg | cut -f2-

\b
With -0, a NUL byte ends what is written, too. A name may have tabulators and
line ends of its own; --json keeps them apart.""",
)
@click.argument("photos", nargs=-1, type=click.Path(allow_dash=True), metavar="PHOTO|-...")
@photo_options
@click.option("--all", "everything", is_flag=True, help="Also labels that are not sure enough to be shown.")
@click.option("--lang", type=click.Choice(list(LANGUAGES)), help="The language of labels, instead of the settings'.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def command(  # noqa: PLR0913 - one parameter an option
    context: click.Context,
    photos: tuple[str, ...],
    files_from: str | None,
    null: bool,
    everything: bool,
    lang: str | None,
    as_json: bool,
) -> int:
    """The labels of each PHOTO, whether it is in the library or not."""
    wanted = named(photos, files_from, null)
    settings = settings_of(context, labels__language=lang)
    write = _Write(language(settings.labels.language), everything, as_json, b"\0" if null else b"\n")
    failed = 0
    for path, found in _in_order(settings, wanted.absolute):
        if isinstance(found, str):
            failed += 1
            voice.fault(f"{shown_path(path)}: {found}.")
        else:
            write(path, *found)
        sys.stdout.flush()
    return ExitCode.SOME_FAILED if failed else ExitCode.DONE


_Answer = tuple[StoredLabels, bool] | str  # with whether the library had them; or why there is no answer


def _in_order(settings: Settings, paths: Sequence[str]) -> Iterator[tuple[str, _Answer]]:
    """Each path with its labels, as soon as all before it have theirs."""
    answers: dict[str, _Answer] = {path: (found, True) for path, found in _stored(settings, paths).items()}
    others = [path for path in dict.fromkeys(paths) if path not in answers]
    with closing(_classified(settings, others)) as classified:
        for path in paths:
            while path not in answers:
                name, answer = next(classified)
                answers[name] = answer
            yield path, answers[path]


def _stored(settings: Settings, paths: Sequence[str]) -> dict[str, StoredLabels]:
    """The labels of those photos that the library has labelled."""
    try:
        with open_reader(settings) as reader:
            library = LabelsByPath(reader)
            found = {path: library.at(path) for path in paths}
    except NoLibraryError:
        return {}
    return {path: labels for path, labels in found.items() if labels is not None and labels.model is not None}


def _classified(settings: Settings, paths: Sequence[str]) -> Generator[tuple[str, _Answer], None, None]:
    if not paths:
        return
    # Only then: it imports SQLAlchemy and NumPy.
    from tagger.pipeline.on_demand import classify

    with closing(classify(settings, paths, 1)) as results:
        for one in results:
            known = one.explanation
            yield one.path, one.reason if known is None else (StoredLabels(known.labels, known.model_id), False)


class _Write:
    """Writes the labels of a photo to standard output."""

    def __init__(self, spoken: Language, everything: bool, as_json: bool, end: bytes) -> None:
        self._spoken = spoken
        self._everything = everything
        self._as_json = as_json
        self._end = end

    def __call__(self, path: str, found: StoredLabels, in_library: bool) -> None:
        labels = [label for label in found.labels if label.shown or self._everything]
        if self._as_json:
            told = [label_json(label, self._spoken) for label in labels]
            write_json(path_json(path) | {"labels": told, "model": found.model, "in_library": in_library})
            return
        names = (self._spoken.name_of(label.key, label.name) for label in labels)
        write_path("\t".join([path, *map(shown_path, names)]), self._end)
