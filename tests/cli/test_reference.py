"""The pages of docs/reference are those of the program as it is."""

from __future__ import annotations

import re

from tagger.cli.build_reference import FOLDER, pages
from tagger.core.config_sources import setting_keys
from tagger.search.query import parse
from tests.cli.test_help import ALL


def test_pages_are_what_the_program_says() -> None:
    """If not: python -m tagger.cli.build_reference"""
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} == pages()


def test_they_have_every_command_and_every_setting() -> None:
    made = pages()
    assert re.findall(r"^## (.+)$", made["commands.md"], re.M) == list(ALL)
    assert re.findall(r"^- \*\*`([\w.]+)`\*\*", made["settings.md"], re.M) == list(setting_keys())


def test_queries_of_the_table_are_understood() -> None:
    queries = re.findall(r"^\| `(.+?)` \| ", pages()["queries.md"], re.M)
    assert len(queries) > 10
    for query in queries:
        parse(query)
