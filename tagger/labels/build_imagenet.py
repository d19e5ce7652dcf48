"""Makes imagenet.json from WordNet 3.0, Keras' class index and vocabulary.toml. Run once, by hand:

    python -m tagger.labels.build_imagenet --wordnet /usr/share/wordnet/data.noun --class-index FILE

WordNet's file format is described in wndb(5WN): a synset is the line at its byte offset, and an ImageNet id such
as n02129604 is the noun synset at offset 02129604.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Synset:
    """A noun synset: its words and the ids of its direct hypernyms."""

    words: tuple[str, ...]
    hypernyms: tuple[str, ...]


def read_synset(data: bytes, wnid: str) -> Synset:
    """The synset at an id's offset. Hypernyms are the pointers `@` and `@i` (instance hypernym)."""
    offset = int(wnid[1:])
    fields = data[offset : data.index(b"\n", offset)].decode("ascii").split(" | ")[0].split()
    if fields[0] != wnid[1:]:
        raise SystemExit(f"{wnid} is not in this WordNet; version 3.0 is needed.")
    count = int(fields[3], 16)
    words = tuple(fields[4 + 2 * index].replace("_", " ") for index in range(count))
    start = 4 + 2 * count
    pointers = [fields[start + 1 + 4 * index : start + 4 + 4 * index] for index in range(int(fields[start]))]
    return Synset(words, tuple(f"n{to}" for kind, to, part in pointers if kind in ("@", "@i") and part == "n"))


def imagenet_content(wordnet: Path, class_index: Path, vocabulary: Path) -> dict[str, Any]:
    """The content of imagenet.json."""
    data = wordnet.read_bytes()
    keras = json.loads(class_index.read_text())
    classes = [keras[str(number)][0] for number in range(len(keras))]
    chosen = tomllib.loads(vocabulary.read_text())
    synsets: dict[str, Synset] = {}
    todo = list(classes)
    while todo:
        wnid = todo.pop()
        if wnid not in synsets:
            synsets[wnid] = read_synset(data, wnid)
            todo += synsets[wnid].hypernyms
    known = {*synsets, *chosen["added"]}

    def nearest_known(wnid: str) -> set[str]:
        """Of what lies above a synset, the nearest that are known anyway: nobody types "geological formation"."""
        above = read_synset(data, wnid).hypernyms
        return set().union(*({up} if up in known else nearest_known(up) for up in above))

    for wnid in chosen["added"]:
        synsets[wnid] = Synset(read_synset(data, wnid).words, tuple(sorted(nearest_known(wnid))))
    hypernyms = sorted(known - set(classes))
    for table in ("shown", "search_only", "names", "dropped", "synonyms"):
        for wnid in chosen[table]:
            if wnid not in known:
                raise SystemExit(f"vocabulary.toml: [{table}] {wnid} is no class, nor added, nor above one.")

    named = ("names", "shown", "search_only", "added")

    def entry(wnid: str) -> list[Any]:
        words = [word for word in synsets[wnid].words if word not in chosen["dropped"].get(wnid, [])]
        name = [*(chosen[table][wnid] for table in named if wnid in chosen[table]), *words][0]
        synonyms = dict.fromkeys(word for word in [*words, *chosen["synonyms"].get(wnid, [])] if word != name)
        return [wnid, name, list(synonyms), list(synsets[wnid].hypernyms)]

    def covered(wnids: list[str]) -> set[int]:
        return {number for number, wnid in enumerate(classes) if above(wnid) & set(wnids)}

    def above(wnid: str) -> set[str]:
        found = {wnid}
        for parent in synsets[wnid].hypernyms:
            found |= above(parent)
        return found

    groups = [
        [
            f"group:{name}",
            name,
            group.get("shown", False),
            sorted(covered(group.get("include", [])) - covered(group.get("exclude", []))),
            group.get("also", []),
        ]
        for name, group in chosen["groups"].items()
    ]
    return {
        "classes": [entry(wnid) for wnid in classes],
        "hypernyms": [entry(wnid) for wnid in hypernyms],
        "shown": sorted(chosen["shown"]),
        "search_only": sorted(chosen["search_only"]),
        "added": sorted(chosen["added"]),
        "wide": sorted(chosen["wide"]),
        "former": [list(pair) for pair in sorted(chosen["former"].items())],
        "groups": groups,
    }


def write_content(content: dict[str, Any], path: Path) -> None:
    """Write imagenet.json with one entry a line, so that diffs are readable."""
    lines = []
    for key, entries in content.items():
        inner = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in entries)
        lines.append(f"{json.dumps(key)}:[\n{inner}\n]")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet/data.noun"))
    parser.add_argument("--class-index", type=Path, required=True, help="Keras' imagenet_class_index.json")
    parser.add_argument("--output", type=Path, default=HERE / "imagenet.json")
    arguments = parser.parse_args()
    write_content(
        imagenet_content(arguments.wordnet, arguments.class_index, HERE / "vocabulary.toml"), arguments.output
    )


if __name__ == "__main__":
    main()
