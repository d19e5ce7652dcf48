from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tagger.labels import taxonomy
from tagger.labels.build_imagenet import imagenet_content, read_synset

DATA = Path(taxonomy.__file__).parent
TAXONOMY = taxonomy.load()
WORDNET = Path("/usr/share/wordnet/data.noun")


def names(keys: frozenset[str]) -> set[str]:
    return {TAXONOMY.names[key] for key in keys}


def class_names(word: str) -> set[str]:
    classes = set(TAXONOMY.classes)
    return {TAXONOMY.names[key] for key in TAXONOMY.find(word) if key in classes}


def test_classes_are_in_keras_order(shared: Path) -> None:
    index = json.loads((shared / "models" / "imagenet_class_index.json").read_text())
    assert list(TAXONOMY.classes) == [index[str(number)][0] for number in range(1000)]


@pytest.mark.skipif(not WORDNET.exists(), reason="WordNet is not installed (Debian: apt install wordnet-base)")
def test_the_data_file_is_what_the_script_makes(shared: Path) -> None:
    made = imagenet_content(WORDNET, shared / "models" / "imagenet_class_index.json", DATA / "vocabulary.toml")
    assert made == json.loads((DATA / "imagenet.json").read_text(encoding="utf-8"))


def test_a_synset_is_read_from_wordnets_format() -> None:
    line = (
        b"00001740 03 n 01 entity 0 000 | that which is\n"
        b"00001930 03 n 02 physical_entity 0 thing 1 003 @ 00001740 n 0000 ~ 00002452 n 0000 + 01 v 0101 | x\n"
    )
    data = b" " * 1740 + line[: line.index(b"\n") + 1]
    data += b" " * (1930 - len(data)) + line[line.index(b"\n") + 1 :]
    found = read_synset(data, "n00001930")
    assert found.words == ("physical entity", "thing")
    assert found.hypernyms == ("n00001740",)
    with pytest.raises(SystemExit, match="version"):
        read_synset(data, "n00001741")


def test_every_class_has_a_name_and_a_chain_to_the_top() -> None:
    for key in TAXONOMY.classes:
        assert TAXONOMY.names[key]
        assert "n00001740" in TAXONOMY.ancestors(key)  # entity


def test_the_shown_parents_are_words_that_people_use() -> None:
    shown = {TAXONOMY.names[key] for key in TAXONOMY.shown_hypernyms}
    wanted = "dog bird animal vehicle food flower building furniture fruit fish insect boat cat".split()
    assert {*wanted, "musical instrument"} <= shown
    assert not shown & {
        "entity",
        "whole",
        "chordate",
        "placental",
        "instrumentality",
        "artifact",
        "object",
        "carnivore",
        "structure",
        "landform",
        "everyday object",
        "household item",
        "kitchenware",
        "machine",
    }


def test_display_names_are_distinct() -> None:
    shown = [TAXONOMY.names[key] for key in (*TAXONOMY.classes, *TAXONOMY.shown_hypernyms, *TAXONOMY.added)]
    assert sorted({name for name in shown if shown.count(name) > 1}) == []


@pytest.mark.parametrize(
    ("word", "inside", "outside"),
    [
        ("tiger", {"tiger"}, {"tiger shark", "tiger beetle", "tiger cat"}),
        ("dog", {"beagle", "Chihuahua", "golden retriever"}, {"tabby", "hot dog"}),
        ("bird", {"ostrich", "king penguin"}, {"bee"}),
        ("grey whale", {"grey whale"}, {"killer whale"}),
        ("gray whale", {"grey whale"}, {"killer whale"}),
        ("Grey-Whale", {"grey whale"}, set()),
        ("dogs", {"beagle"}, set()),
        ("wolves", {"timber wolf"}, set()),
        ("butterflies", {"monarch butterfly"}, set()),
        ("wild animal", {"tiger", "zebra", "brown bear"}, {"beagle", "tabby"}),
        ("food", {"pizza", "banana"}, {"plate"}),
        ("vehicle", {"sports car", "ambulance"}, {"traffic light"}),
    ],
)
def test_what_a_word_means(word: str, inside: set[str], outside: set[str]) -> None:
    found = class_names(word)
    assert inside <= found
    assert not outside & found


def test_labels_that_no_class_is_are_found_like_others() -> None:
    assert {"people", "woman", "baby"} <= names(TAXONOMY.find("persons"))
    assert {"soccer", "tennis", "sport"} <= names(TAXONOMY.find("sports"))
    assert "sunset" in names(TAXONOMY.find("sunrise"))
    assert {"beach", "seashore"} <= names(TAXONOMY.find("beaches"))
    assert names(TAXONOMY.find("group")) == {"group"}
    for word in ("people", "portrait", "group", "crowd", "sunset", "snow", "screenshot", "black and white"):
        assert TAXONOMY.label_named(word) in TAXONOMY.labels
    assert TAXONOMY.label_named("flowers") == TAXONOMY.lookup("flower")[0]
    assert TAXONOMY.label_named("waves") == TAXONOMY.lookup("wave")[0]
    assert TAXONOMY.label_named("structure") is None


@pytest.mark.parametrize(("wrong", "right"), [("tigr", "tiger"), ("elefant", "elephant"), ("retriever x", "")])
def test_near_words_are_suggested(wrong: str, right: str) -> None:
    near = TAXONOMY.suggest(wrong)
    assert right in near or (right == "" and len(near) <= 5)


def test_part_of_a_name_is_suggested() -> None:
    assert any("shark" in name for name in TAXONOMY.suggest("shark"))


def test_rules_mean_exact_names_only() -> None:
    assert TAXONOMY.lookup("TIGER") == ("n02129604",)
    assert TAXONOMY.lookup("n02129604") == ("n02129604",)
    assert TAXONOMY.lookup("tige") == ()


def test_loading_needs_the_standard_library_only() -> None:
    code = (
        "import sys; from tagger.labels import taxonomy; taxonomy.load().find('dog')\n"
        "assert not {'numpy', 'pydantic', 'sqlalchemy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
