"""Learning where sentences lie among photos: exactly, reproducibly, and the owner's own words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tagger.core.errors import UsageError
from tagger.core.linear_heads import unit
from tagger.core.progress import Callbacks
from tagger.inference.registry import BUILT_IN, registered
from tagger.search.towers import Towers
from tagger.teaching import tower_training
from tagger.teaching.build_sentences import Source, calibrated, learn
from tagger.teaching.described import Described
from tagger.teaching.known_names import known_names
from tagger.teaching.own_sentences import LEAST, adapt
from tagger.teaching.sentence_data import Photos, Query, Words, absent_queries, short_queries, stem
from tagger.teaching.sentence_figures import Judge, surely_better
from tagger.teaching.tower_training import Recipe, Said, joined, means, train
from tagger.teaching.word_net import taken_for

FEATURES = registered(BUILT_IN).features
THINGS = "cat dog boat tree house snow".split()
WORDNET = Path("/usr/share/wordnet")


def photos_of(things: list[str], count: int, seed: int = 0) -> Photos:
    """Photos that show one thing each, of which the features tell which, and whose sentences say so."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(9).gamma(0.3, 1.0, (len(things), FEATURES)).astype(np.float32)
    kinds = np.arange(count) % len(things)
    rows = unit(centres[kinds] + random.gamma(0.3, 0.3, (count, FEATURES)).astype(np.float32))
    sentences = tuple((f"a {things[kind]} in front", f"the {things[kind]} looks left") for kind in kinds)
    return Photos(Described(tuple(f"{number:04}" for number in range(count)), sentences), rows)


def small(trainings: int = 1) -> Recipe:
    return Recipe(trainings=trainings, width=16, hidden=32, epochs=30, batch=60)


def source(tmp_path: Path, trainings: int = 1) -> Source:
    from tagger.core.config import Settings
    from tagger.inference.selection import choose_model, with_model

    model = choose_model(with_model(Settings(data_dir=tmp_path), name=BUILT_IN), fetch=False)
    return Source(model, {"kitten": ("cat", "wider"), "feline": ("", "")}, frozenset(), small(trainings), 1)


def test_the_gradients_are_those_of_the_loss() -> None:
    random = np.random.default_rng(0)
    shapes = {"hidden": (5, 4), "hidden_bias": (4,), "output": (4, 3), "output_bias": (3,), "words": (7, 3)}
    shapes |= {"kin": (2, 3), "word_bias": (3,), "temperature": (1,)}
    values = {name: random.standard_normal(shape) for name, shape in shapes.items()}
    kin = np.array([0, 0, -1, 1, 1, 1, -1])
    rows = random.standard_normal((6, 5))
    # One sentence has a word twice, and one has none that is known.
    bags = [np.array(bag, np.int64) for bag in ([0, 3], [1, 1, 5], [2], [], [6, 4, 0, 2], [3])]
    said = Said.of(bags)
    dense = means(bags, 7)
    kept = [np.full((6, 5), 0.9), np.full((6, 4), 1.1)]

    def log_share(logits: NDArray[np.float64], axis: int) -> float:
        return float((np.diagonal(logits) - np.log(np.exp(logits).sum(axis=axis))).mean())

    def loss() -> float:
        inner = np.maximum(rows * kept[0] @ values["hidden"] + values["hidden_bias"], 0) * kept[1]
        vectors = values["words"].copy()
        vectors[kin >= 0] += values["kin"][kin[kin >= 0]]
        one, other = inner @ values["output"] + values["output_bias"], dense @ vectors + values["word_bias"]
        one, other = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (one, other))
        logits = np.exp(values["temperature"][0]) * one @ other.T
        return -(log_share(logits, 0) + log_share(logits, 1)) / 2

    found = tower_training._gradients(values, rows, said, kin, kept)  # type: ignore[arg-type]
    assert found.keys() == values.keys()
    for name, value in values.items():
        for place in np.ndindex(value.shape):
            here = value[place]
            value[place] = here + 1e-5
            above = loss()
            value[place] = here - 1e-5
            below = loss()
            value[place] = here
            assert found[name][place] == pytest.approx((above - below) / 2e-5, abs=1e-7), (name, place)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_file_and_another_does_not(tmp_path: Path) -> None:
    photos, held_back = photos_of(THINGS, 120), photos_of(THINGS, 60, 1)
    about = source(tmp_path, trainings=2)
    for name in ("one", "other"):
        calibrated(learn(photos, about), held_back, 1).save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    learn(photos, replace(about, seed=2)).save(tmp_path / "another")
    assert (tmp_path / "one").read_bytes() != (tmp_path / "another").read_bytes()


def test_what_was_learned_finds_photos_that_it_was_not_learned_from(tmp_path: Path) -> None:
    towers = learn(photos_of(THINGS, 120), source(tmp_path))
    assert set(THINGS) <= {*towers.words}
    assert towers.taken_for == {"kitten": ("cat", "wider"), "feline": ("", "")}
    others = photos_of(THINGS, 60, 1)
    # Ten photos show each thing, and its ten places are theirs.
    assert Judge(towers, others).recall().ten > 0.95


@pytest.mark.slow
def test_a_probability_is_the_share_of_photos_that_are_right(tmp_path: Path) -> None:
    photos = photos_of(THINGS, 120)
    towers = calibrated(learn(photos, source(tmp_path)), photos_of(THINGS, 120, 1), 1)
    judge = Judge(towers, photos_of(THINGS, 60, 2))
    shown = judge.shown([Query(thing, 0) for thing in THINGS], [0.5])[0]
    assert (shown.confirmed, shown.found) == (pytest.approx(1, abs=0.2), pytest.approx(1, abs=0.2))
    assert 0 < towers.cut_off <= 0.7


def test_several_trainings_become_one_that_agrees_with_them() -> None:
    photos = photos_of(THINGS, 120)
    words = Words.of(photos.described)
    bags = words.bags(photos.described)
    several = [train(photos.rows, bags, words.kin, seed, small()) for seed in (1, 2)]
    said = means([of_one[0] for of_one in bags], len(words.names))
    one = joined(several, photos.rows, said, 16)
    alike = [unit(part.photos(photos.rows)) @ unit(part.sentences(said)).T for part in (*several, one)]
    assert np.corrcoef((alike[0] + alike[1]).ravel(), alike[2].ravel())[0, 1] > 0.95


def test_training_stops_when_it_is_told() -> None:
    photos = photos_of(THINGS, 60)
    words = Words.of(photos.described)
    seen: list[int] = []
    callbacks = Callbacks(lambda done, _: seen.append(done), stop=lambda: len(seen) > 2)
    train(photos.rows, words.bags(photos.described), words.kin, 1, small(), callbacks=callbacks)
    assert seen == [0, 1, 2]


@pytest.mark.parametrize(
    "forms", ["dog dogs", "ride rides riding rider riders", "swim swimming swimmer", "wave waves waving", "bus buses"]
)
def test_forms_of_a_word_have_one_stem(forms: str) -> None:
    assert len({stem(word) for word in forms.split()}) == 1


def test_queries_are_of_the_sentences_words() -> None:
    photos = photos_of(THINGS, 30)
    queries = short_queries(photos.described, (2,), 10, 1)
    assert len({query.text for query in queries}) == len(queries) == 10
    assert all(len(query.text.split()) == 2 for query in queries)
    assert all(query.confirmed(photos.described)[query.photo] for query in queries)
    half = queries[0].half_known(np.random.default_rng(0))
    assert half.text != queries[0].text
    assert (half.confirmed(photos.described) == queries[0].confirmed(photos.described)).all()
    assert len({query.text for query in absent_queries()}) == 100


def test_better_is_more_than_chance() -> None:
    before = np.full(100, 50)
    after = before.copy()
    after[:3] = 1
    assert not surely_better(before, after)
    after[:20] = 1
    assert surely_better(before, after)
    assert not surely_better(after, before)


@pytest.mark.slow
@pytest.mark.skipif(not WORDNET.is_dir(), reason="needs WordNet 3.0 (Debian's wordnet-base)")
def test_other_words_are_taken_for_known_ones() -> None:
    known = ["dog", "musician", "car", "red", "run", "bird", "person", "object", "instrument"]
    found = taken_for(WORDNET, known)
    assert found["spaniel"] == ("dog", "wider")
    assert found["violinist"] == ("musician", "wider")
    assert found["automobile"] == ("car", "synonym")
    assert found["crimson"] == ("red", "synonym")
    # An English word, but nothing that is known.
    assert found["tax"] == ("", "")
    assert found.get("microscope", ("", "")) == ("", "")
    # Names are none of these, nor what is known, nor its forms.
    assert not {"paris", "dog", "dogs", "running"} & found.keys()


@pytest.mark.slow
@pytest.mark.skipif(not WORDNET.is_dir(), reason="needs WordNet 3.0 (Debian's wordnet-base)")
def test_names_of_something_else_are_no_misspelt_words() -> None:
    found = known_names(WORDNET, {"pairs": 9, "water": 40, "sofa": 5})
    assert found == sorted(found)
    # A city, a man's name, and a capital.
    assert {"paris", "walter", "sofia"} <= {*found}
    # Near none, or known.
    assert not {"reykjavik", "water", "pairs", "banaan"} & {*found}


@pytest.mark.slow
def test_words_of_ones_own_are_learned() -> None:
    own = [f"qx{letter}zz" for letter in "abcdef"]
    towers = Towers.load()
    result = adapt(towers, photos_of(own, LEAST + 40))
    assert result.towers is not None
    assert set(own) <= {*result.new_words}
    assert result.after.ten > result.before.ten + 0.2
    assert {"dog", "beach", *own} <= {*result.towers.words}
    # Ten of these show each thing.
    assert Judge(result.towers, photos_of(own, 60, 3)).recall().ten > 0.6


@pytest.mark.slow
def test_descriptions_that_do_not_help_change_nothing() -> None:
    photos = photos_of(THINGS, LEAST + 40)
    mixed = np.random.default_rng(5).permutation(len(photos.rows))
    described = photos.described
    wrong = Described(described.names, tuple(described.sentences[place] for place in mixed))
    assert adapt(Towers.load(), Photos(wrong, photos.rows)).towers is None


def test_few_descriptions_are_refused() -> None:
    with pytest.raises(UsageError, match="199 labelled photos have a description"):
        adapt(Towers.load(), photos_of(THINGS, LEAST - 1))
