"""The commands and settings that the documentation shows, as somebody would type or copy them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

TOP = Path(__file__).resolve().parents[1]
PAGES = [
    TOP / "README.md",
    TOP / "CONTRIBUTING.md",
    TOP / "SECURITY.md",
    TOP / "benchmarks" / "README.md",
    *sorted((TOP / "docs").rglob("*.md")),
]
# A comment before a block, which readers do not see, says why no test runs it.
_NOT_RUN = re.compile(r"<!-- not run: (.+?) -->")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a page. `language`: what stands behind its fence; `not_run`: why no test runs it, or ""."""

    language: str
    text: str
    line: int
    not_run: str

    def commands(self) -> list[str]:
        """The command lines, each whole, without what is printed; none if the block has other things."""
        lines = re.sub(r"\\\n\s*", "", self.text).splitlines()
        if any(line.startswith("$ ") for line in lines):
            return [line[2:] for line in lines if line.startswith("$ ")]
        if self.language in {"sh", "bash"} or (not self.language and self.text.startswith("tagger ")):
            return [line for line in lines if line.strip() and not line.startswith("#")]
        return []

    def printed(self) -> list[tuple[str, list[str]]]:
        """Each command line with the lines that it prints."""
        found: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif found and line.strip():
                found[-1][1].append(line)
        return found


def blocks(page: Path) -> Iterator[Block]:
    """Every block of code of a page."""
    not_run = ""
    for token in _tokens(page):
        if token.type == "html_block":
            match = _NOT_RUN.search(token.content)
            not_run = match[1] if match else ""
            continue
        if token.type in {"fence", "code_block"}:
            line = token.map[0] + 1 if token.map else 0
            yield Block(token.info.strip(), token.content, line, not_run)
        if not token.type.endswith("_close"):
            not_run = ""


def inline_code(page: Path) -> Iterator[str]:
    """Every `...` in the text of a page, on one line."""
    for token in _tokens(page):
        for child in token.children or ():
            if child.type == "code_inline":
                yield " ".join(child.content.split())


def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
