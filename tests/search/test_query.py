from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tagger.core.errors import QueryError
from tagger.search.query import parse
from tagger.search.query_tree import (
    And,
    AnyLabel,
    Comparison,
    Format,
    Like,
    Node,
    Not,
    Or,
    PathPart,
    Taken,
    Word,
    Words,
    query_for,
    quoted,
)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("tiger", Word("tiger")),
        ("tiger>71%", Word("tiger", Comparison(">", 0.71))),
        ("tiger <= 7.5 %", Word("tiger", Comparison("<=", 0.075))),
        ("label≥0.5", AnyLabel(Comparison(">=", 0.5))),
        ("Label>=1.", AnyLabel(Comparison(">=", 1.0))),
        ('"5"" disk"', Word('5" disk')),
        ('path:"a""b"', PathPart('a"b')),
        ("*", PathPart("*")),
        ("* -dog", And((PathPart("*"), Not(Word("dog"))))),
        ("format:cr2", Format("RAW")),
        ("format:TIF", Format("TIFF")),
        ("grey whale", Words(("grey", "whale"))),
        ('"grey whale"', Word("grey whale")),
        ("tiger>0.5", Word("tiger", Comparison(">", 0.5))),
        ("tiger >= .5", Word("tiger", Comparison(">=", 0.5))),
        ("label>0.8", AnyLabel(Comparison(">", 0.8))),
        ("animal -dog", And((Word("animal"), Not(Word("dog"))))),
        ("animal NOT dog", And((Word("animal"), Not(Word("dog"))))),
        ("animal AND NOT dog", And((Word("animal"), Not(Word("dog"))))),
        ("--dog", Not(Not(Word("dog")))),
        ('"wild animal" OR food', Or((Word("wild animal"), Word("food")))),
        ("a (b OR c)", And((Word("a"), Or((Word("b"), Word("c")))))),
        ("a OR b AND c", Or((Word("a"), And((Word("b"), Word("c")))))),
        ("path:holiday/", PathPart("holiday/")),
        ('path:"my holiday/"', PathPart("my holiday/")),
        ("format:heic", Format("HEIF")),
        ("format:jpg", Format("JPEG")),
        ("taken:2023", Taken("2023", "2023~", "2023")),
        ("taken:2023-06..2024", Taken("2023-06", "2024~", "2023-06..2024")),
        ("taken:..2019-05", Taken("0000", "2019-05~", "..2019-05")),
        ("taken:2019-05-30..", Taken("2019-05-30", "9999", "2019-05-30..")),
        ("taken:none", Taken(None, None, "none")),
        ("black-and-white", Word("black-and-white")),
        ("or and not", Words(("or", "and", "not"))),  # only capitals are operators
        ("Löwe", Word("Löwe")),
        ('like:"a child on a swing"', Like("a child on a swing")),
        ('~"a child on a swing"', Like("a child on a swing")),
        ('LIKE:"  a   child "', Like("a child")),
        ("like:a child on a swing", Like("a child on a swing")),  # bare words in a row belong together
        ("~child swing taken:none", And((Like("child swing"), Taken(None, None, "none")))),
        ('like:"boat" tiger', And((Like("boat"), Word("tiger")))),
        ('like:"dog on a beach" -cat', And((Like("dog on a beach"), Not(Word("cat"))))),
        ('-like:"boat" OR ~sea', Or((Not(Like("boat")), Like("sea")))),
        ('(~"a" ~"b")', And((Like("a"), Like("b")))),
        ("like:boat>50%", Like("boat", Comparison(">", 0.5))),
        ('~"boat"<=.25', Like("boat", Comparison("<=", 0.25))),
        ("like:a boat < 0.5", Like("a boat", Comparison("<", 0.5))),
        ('like:"say ""hello"" AND wave (twice)"', Like('say "hello" AND wave (twice)')),
        ("like:like:x", Like("like:x")),
        ("like:boat AND sea", And((Like("boat"), Word("sea")))),
        ("a~b", Word("a~b")),
    ],
)
def test_what_a_query_means(text: str, tree: Node) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "says", "column"),
    [
        ("", "empty", 0),
        ("   ", "empty", 0),
        ("(dog", "not closed", 0),
        ("dog)", "closes nothing", 3),
        ('dog "cat', "quote is not closed", 4),
        ("dog OR", "missing here", 6),
        ("OR dog", "between two things", 0),
        ("dog AND OR cat", "between two things", 8),
        ("NOT", "missing here", 3),
        (">0.5", "label must stand before", 0),
        ("dog > ", "cannot be understood", 4),
        ('""', "nothing between the quotes", 0),
        ("taken:yesteryear", "no date", 0),
        ("taken:2023-13", "no date", 0),
        ("taken:2024..2023", "before", 0),
        ("taken:", "needs a value", 0),
        ("taken:٢٠٢٣", "no date", 0),
        ("path:\u200b", "needs a part", 0),
        ("tiger>150%", "from 0 to 1", 5),
        ("tiger>71", "did you mean >71%?", 5),
        ("label>2", "did you mean >2%?", 5),
        ("label>200", "from 0 to 1", 5),
        ("label>-1", "from 0 to 1", 5),
        ("label<0", "No confidence is below 0", 5),
        ("label>1", "above 1", 5),
        ("label>100%", "above 1", 5),
        ("tiger>0,5", "0,5 is no confidence", 5),
        ("tiger>dog", "dog is no confidence", 5),
        ("tiger>1e9", "no confidence", 5),
        ("format:xyz", "there are avif, bmp, gif, heif, jpeg", 0),
        ("format:jpegg", "did you mean format:jpeg?", 0),
        ('5" disk', "written twice", 1),
        ("NOT " * 21 + "dog", "deeper than 20", 60),
        ("(" * 21 + "a" + ")" * 21, "deeper", 20),
        ("dog " * 501, "at most 500", 60),
        ("pth:x", "did you mean path:", 0),
        ("colour:red", "there are taken:", 0),
        ("like:", "needs a description", 0),
        ('like:""', "needs a description", 0),
        ('~"  "', "needs a description", 0),
        ("~", "needs a description", 0),
        ("dog ~ cat", "needs a description", 4),
        ('like: "dog"', "needs a description", 0),
        ("like:>0.5", "needs a description", 0),
        ('like:"dog', "quote is not closed", 5),
        ('dog ~"cat', "quote is not closed", 5),
        ("like:dog>2", "did you mean >2%?", 8),
        ("lke:dog", "did you mean like:", 0),
    ],
)
def test_a_mistake_is_shown_where_it_is(text: str, says: str, column: int) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    first, _, *_ = caught.value.message.splitlines()
    assert says in first
    if text.strip():
        assert caught.value.message.splitlines()[-1].index("^") - 2 == column
    assert caught.value.exit_code == 2


TEXT = st.from_regex(r"[a-zäß\"\\]{1,6}( [a-z:*%\"]{1,4})?", fullmatch=True)
BARE = st.from_regex(r"[a-z]{1,6}", fullmatch=True).filter(lambda word: word != "label")
BOUND = st.builds(
    Comparison,
    st.sampled_from([">", ">=", "<", "<="]),
    st.sampled_from([0.0, 0.25, 0.333333, 0.5, 1.0]),
).filter(lambda bound: str(bound) not in (">1", "<0"))
LEAF = st.one_of(
    st.builds(Word, TEXT, st.none() | BOUND),
    st.builds(Words, st.lists(BARE, min_size=2, max_size=3).map(tuple), st.none() | BOUND),
    st.builds(AnyLabel, BOUND),
    st.builds(Like, TEXT, st.none() | BOUND),
    st.sampled_from([parse("taken:2023-06..2024"), parse("taken:none"), parse("taken:..2020")]),
    st.builds(PathPart, st.from_regex(r"[a-z/*? ]{1,5}", fullmatch=True)),
    st.builds(Format, st.sampled_from(["JPEG", "HEIF"])),
)
TREE = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("dog\0", "U+0000"),
        ("\x1b[2Jdog", "U+001B"),
        ("path:a\x7f", "U+007F"),
        ("\ud800", "U+D800"),
        ("dog " * 2501, "too long"),
        ("(" * 5000 + "dog" + ")" * 5000, "too long"),
        ("(" * 4000 + "dog", "deeper"),
        ("NOT " * 2000 + "dog", "deeper"),
        ("-" * 9000 + "dog", "deeper"),
        ("dog OR " * 1000 + "cat", "at most 500"),
    ],
)
def test_what_is_too_much_or_no_text_is_one_sentence(text: str, says: str) -> None:
    with pytest.raises(QueryError, match=re.escape(says)) as caught:
        parse(text)
    assert len(caught.value.message) < 400
    assert caught.value.message.replace("\n", "").isprintable()


@pytest.mark.slow
@given(TREE)
def test_a_tree_prints_as_a_query_that_means_the_same(tree: Node) -> None:
    assert parse(str(tree)) == tree


@given(st.text(alphabet='ab ()"->=.0:~ORANDT\n\\', max_size=30) | st.text(max_size=20))
@example("-0 -")
@example('like:a"b')
@example('~"a""b">.5 like:"c')
@example("like:x>5")
def test_any_text_is_a_query_or_a_mistake_that_is_explained(text: str) -> None:
    try:
        tree = parse(text)
    except QueryError:
        return
    assert parse(str(tree)) == tree


@pytest.mark.parametrize("name", ["tiger", "big cat", "T-shirt", "café au lait", "10 Downing St"])
def test_a_plain_name_is_a_query_as_it_stands(name: str) -> None:
    assert query_for(name) == name


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1).filter(str.strip))
@example("salt AND pepper")
@example("-x")
@example('5" disk')
@example("taken:2019")
def test_the_query_for_a_name_means_that_name(name: str) -> None:
    assert parse(query_for(name)) in (parse(quoted(name)), Word(name), Words(tuple(name.split())))
