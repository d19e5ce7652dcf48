"""What MkDocs does beside its own work: links that lead out of docs/ lead to something on the site, too.

In the repository README.md and others stand above docs/, and links are written for a reader who looks at files there.
Pages above docs/ become pages of the site, and other files that are linked to are copied to `files/`.
"""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import dirname, join, normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_TOP = Path(__file__).resolve().parents[1]
_DOCS = "docs/"
_LINK = re.compile(r"(\]\()([^)#:\s]+)(#[^)\s]*)?(\))")
_ABOVE = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "benchmarks/README.md"]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages above docs/, and every other file that a page links to."""
    for page in _ABOVE:
        files.append(File.generated(config, page, abs_src_path=str(_TOP / page)))
    sources = [*_ABOVE, *(_DOCS + file.src_uri for file in files.documentation_pages() if file.src_uri not in _ABOVE)]
    linked = {_target(source, match[2]) for source in sources for match in _LINK.finditer(_text(source))}
    for target in sorted(linked):
        if not target.startswith(_DOCS) and target not in _ABOVE and (_TOP / target).is_file():
            files.append(File.generated(config, _on_site(target), abs_src_path=str(_TOP / target)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite each relative link from the repository's layout into the site's."""
    here = page.file.src_uri
    source = here if here in _ABOVE else _DOCS + here

    def on_site(match: re.Match[str]) -> str:
        link = relpath(_on_site(_target(source, match[2])), dirname(here) or ".")
        return f"{match[1]}{link}{match[3] or ''}{match[4]}"

    return _LINK.sub(on_site, markdown)


def _text(source: str) -> str:
    return (_TOP / source).read_text(encoding="utf-8")


def _target(source: str, link: str) -> str:
    """The path in the repository that a link in a file there leads to."""
    return normpath(join(dirname(source), link))


def _on_site(target: str) -> str:
    if target.startswith(_DOCS):
        return target.removeprefix(_DOCS)
    return target if target in _ABOVE else f"files/{target}"
