"""Brings the catalogues of the page's own words up to date: `python -m tagger.web.build_messages` (needs Babel).

Collects the messages of code, templates and scripts, merges them into `locale/CODE/LC_MESSAGES/messages.po`, and
compiles that for the server (.mo) and for the scripts (`static/words/CODE.js`). A translator edits the .po files
and runs it again. All of these files are committed, so that nothing has to be built where tagger is installed.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from tagger.core.boxes import OBJECTS
from tagger.labels import taxonomy
from tagger.web.pages import HELP_TEXT
from tagger.web.recalled import FILE as REASONS
from tagger.web.recalled import SOURCES
from tagger.web.words import CATALOGUES, DOMAIN, LOCALE

_PACKAGE = Path(__file__).parents[1]
_STATIC = Path(__file__).parent / "static"
# Where messages stand: pattern below the package, Babel's way to read it, the functions that take them.
_SOURCES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("web/templates/*.html", "jinja2.ext:babel_extract", {"_": None, "ngettext": (1, 2)}),
    ("web/static/*.js", "javascript", {"t": None, "parts": None, "tn": (1, 2)}),
    ("web/[rw]*.py", "python", {"text": None, "plural": (1, 2)}),
    ("web/status_words.py", "python", {"text": None, "plural": (1, 2)}),
    ("**/*.py", "python", {"Sentence": None}),
)
_OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true"}
_SCRIPT = "web/static/"


def messages() -> Catalog:
    """Everything that the page says, in English. Places are files without lines: so the catalogues change seldom."""
    found = Catalog(project="tagger", fuzzy=False)
    for text, place in _others():
        found.add(text, locations=[(place, 0)])
    for pattern, method, keywords in _SOURCES:
        for path in sorted(_PACKAGE.glob(pattern)):
            where = str(path.relative_to(_PACKAGE))
            with path.open("rb") as file:
                for _, message, _, _ in extract(method, file, keywords, options=dict(_OPTIONS)):
                    found.add(message, locations=[(where, 0)])
    return found


def reasons() -> str:
    """The templates of what is stored as text, as `tagger.web.recalled` reads them."""
    found = {
        _texts(message.id)[0]
        for message in messages()
        if message.id and any(place.startswith(SOURCES) for place, _ in message.locations)
    }
    return json.dumps(sorted(found), ensure_ascii=False, indent=1) + "\n"


def _others() -> Iterator[tuple[str, str]]:
    """What is no literal text where it is said, with the file that has it."""
    yield HELP_TEXT, "search/query.py"
    for name in OBJECTS:
        # One person is no "people", which is the label.
        if taxonomy.load().label_named(name) is None or name == "person":
            yield name, "core/boxes.py"


def updated(code: str) -> Catalog:
    """The catalogue of a language with the messages that there are now; what is new is empty."""
    path = po_file(code)
    catalog = Catalog(locale=code)
    if path.exists():
        with path.open("rb") as file:
            # Without the locale, of which Babel knows other plural forms than the file may have.
            catalog = read_po(file)
    catalog.update(messages(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    catalog.fuzzy = False
    return catalog


def po_file(code: str) -> Path:
    """The catalogue that a translator edits."""
    return LOCALE / code / "LC_MESSAGES" / f"{DOMAIN}.po"


def as_po(catalog: Catalog) -> bytes:
    """A catalogue as a .po file, without what changes by itself."""
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=120, omit_header=True, sort_output=True, include_lineno=False)
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalog.locale}\\n"\n'
        f'"Plural-Forms: {catalog.plural_forms}\\n"\n'
        '"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n\n'
    )
    return header.encode() + buffer.getvalue().strip() + b"\n"


def as_mo(catalog: Catalog) -> bytes:
    """A catalogue as the server reads it."""
    buffer = io.BytesIO()
    # Or it would be another file each time.
    catalog.creation_date = catalog.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    write_mo(buffer, catalog)
    return buffer.getvalue()


def as_script(catalog: Catalog) -> str:
    """The scripts' part of a catalogue, as a script that sets each message, or [one, many] by the message for one."""
    found: dict[str, list[str] | str] = {}
    for message in catalog:
        if message.id and any(place.startswith(_SCRIPT) for place, _ in message.locations):
            told = _texts(message.string)
            found[_texts(message.id)[0]] = told if isinstance(message.id, tuple) else told[0]
    return f"globalThis.taggerWords = {json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True)};\n"


def main() -> int:
    """Bring every catalogue up to date; 1 if one lacks a translation."""
    missing = 0
    REASONS.write_text(reasons())
    for code in CATALOGUES:
        catalog = updated(code)
        po_file(code).parent.mkdir(parents=True, exist_ok=True)
        po_file(code).write_bytes(as_po(catalog))
        po_file(code).with_suffix(".mo").write_bytes(as_mo(catalog))
        (_STATIC / "words").mkdir(exist_ok=True)
        (_STATIC / "words" / f"{code}.js").write_text(as_script(catalog), encoding="utf-8")
        untold = [message.id for message in catalog if message.id and not all(_texts(message.string))]
        missing += len(untold)
        print(f"{code}: {len(catalog)} messages, {len(untold)} without a translation")
        for message in untold:
            print(f"  {message!r}")
    return 1 if missing else 0


def _texts(string: Any) -> list[str]:
    return [string or ""] if string is None or isinstance(string, str) else list(string)


if __name__ == "__main__":
    sys.exit(main())
