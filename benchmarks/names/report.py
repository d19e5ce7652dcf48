"""How far the labels' names in languages agree with the Open Multilingual Wordnet, and what was decided where not.

    python benchmarks/names/report.py OMW_LEMMAS.json [LANGUAGE ...]

The file holds, by language (ISO 639-3) and WordNet id, the words that others give for it: they are compared with, not
copied. Where none of them is among a label's name and synonyms, the label stands in LANGUAGE.differences.tsv with the
reason. Exit code 1 if one does not, or if a reason is not needed any more.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tagger.core.languages import ENGLISH, LANGUAGES
from tagger.labels import taxonomy
from tagger.labels.languages import Language, language

_HERE = Path(__file__).parent
CODES = dict(
    zip(
        ("de", "fr", "es", "it", "pt", "nl", "pl", "sv", "ja", "zh"),
        ("deu", "fra", "spa", "ita", "por", "nld", "pol", "swe", "jpn", "cmn"),
        strict=True,
    )
)


@dataclass(frozen=True)
class Compared:
    """One language. `known`: labels that the wordnet has words for; `first`: how many of them it calls as we do.

    `agreed`: how many have a word in common. `differing`: the others; `unreviewed`: those of them without a reason;
    `stale`: reasons that are not needed.
    """

    code: str
    names: int
    known: int
    first: int
    agreed: int
    differing: tuple[str, ...]
    unreviewed: tuple[str, ...]
    stale: tuple[str, ...]


def reviewed(code: str) -> dict[str, str]:
    """The reasons for differences, by the label's key."""
    with (_HERE / f"{code}.differences.tsv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row["reason"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}


def compare(code: str, words: dict[str, list[str]]) -> Compared:
    """Compare the names of one language with the words of a wordnet, by id."""
    ours, reasons = language(code), reviewed(code)
    known = [key for key in ours.names if words.get(key)]
    differing = tuple(key for key in known if not any(key in ours.find(word) for word in words[key]))
    return Compared(
        code,
        len(ours.names),
        len(known),
        sum(_same(ours, key, words[key]) for key in known),
        len(known) - len(differing),
        differing,
        tuple(key for key in differing if not reasons.get(key)),
        tuple(key for key in reasons if key not in differing),
    )


def _same(ours: Language, key: str, words: list[str]) -> bool:
    alone = Language(ours.code, {key: ours.names[key]}, {}, {})
    return any(alone.find(word) for word in words)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lemmas", type=Path)
    parser.add_argument("languages", nargs="*", default=[code for code in LANGUAGES if code != ENGLISH])
    options = parser.parse_args()
    lemmas = json.loads(options.lemmas.read_text(encoding="utf-8"))
    english = taxonomy.load().names
    faults = 0
    print("language  names  with OMW words  same name  a word in common  differ, reviewed")
    for code in options.languages:
        one = compare(code, lemmas[CODES[code]])
        print(
            f"{code:8} {one.names:6} {one.known:15} {one.first / one.known:10.1%} {one.agreed / one.known:17.1%} "
            f"{len(one.differing) - len(one.unreviewed):10} of {len(one.differing)}"
        )
        for key in one.unreviewed:
            words = ", ".join(lemmas[CODES[code]][key])
            print(f"  {key} {english[key]}: {language(code).names[key]}; OMW: {words}")
        for key in one.stale:
            print(f"  {key} {english.get(key)}: agrees now, its reason is not needed")
        faults += len(one.unreviewed) + len(one.stale)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
