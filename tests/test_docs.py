"""What the documentation names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tagger.search.field_values import FIELDS
from tagger.search.query import HELP, parse
from tests.documented import PAGES, TOP

ROOMS = [path.name for path in (TOP / "tagger").iterdir() if (path / "__init__.py").exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_of_the_package_are_where_a_page_says(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(rf"(?<![\w/])(?:tagger/)?((?:{'|'.join(ROOMS)})/[\w/]+\.(?:py|toml|json))", text)
    # Examples of what somebody would add.
    assert [file for file in named if not (TOP / "tagger" / file).exists() and not re.search("webp|NAME", file)] == []


def test_every_room_is_described() -> None:
    text = (TOP / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(\w+)/` \|", text, re.M)) == sorted(ROOMS)


def test_every_field_of_a_query_is_described_with_examples_that_are_understood() -> None:
    text = (TOP / "docs" / "search.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+):?` \| (.+?) \|", text, re.MULTILINE)
    assert {*FIELDS, "format", "taken", "path", "like", "label"} == {field for field, _ in rows}
    for field, examples in rows:
        assert field in HELP
        for example in re.findall("`([^`]+)`", examples):
            parse(example)
