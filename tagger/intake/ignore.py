"""Which names are never photos: built-in rules, `.taggerignore` files and the owner's own patterns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pathspec import GitIgnoreSpec

IGNORE_FILE = ".taggerignore"
NO_MEDIA_FILE = ".nomedia"

# Recycle bins, snapshots, thumbnails and the like of NAS makers, operating systems and sync programs.
_NAMES = frozenset(
    name.casefold()
    for name in (
        *("@eaDir", "#recycle", "@Recycle", "#snapshot", ".stfolder", ".stversions", ".DS_Store", "Thumbs.db"),
        *("__MACOSX", "@Recently-Snapshot", ".@__thumb", "@tmp", "lost+found", "$RECYCLE.BIN", "Desktop.ini"),
        *("System Volume Information", ".Trash", ".Trashes", ".fseventsd", ".Spotlight-V100", ".git"),
    )
)
# Names of copies in progress: rsync, Syncthing, browsers, Nextcloud, FileZilla, qBittorrent, Office, our own.
_TEMPORARY = re.compile(
    r"\._.*|\..+\.[A-Za-z0-9]{6}|[.~]syncthing[.~].*|~\$.*|\.tagger.*|\.trash-\d+"
    r"|.*\.(?:part|partial|crdownload|download|tmp|temp|filepart|octransferid\d+.*|!qb|!ut|opdownload)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Patterns:
    """Patterns in .gitignore syntax that hold below a folder (its path relative to the root, "" for the root)."""

    folder: str
    # (whether it ignores, what it fits), the last line first.
    lines: tuple[tuple[bool, re.Pattern[str]], ...]

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """Whether the last pattern that fits ignores the path (True), takes it back (False), or none fits."""
        inner = path[len(self.folder) + 1 :] if self.folder else path
        text = inner + "/" if is_folder else inner
        return next((ignores for ignores, regex in self.lines if _fits(regex, text)), None)


def _fits(regex: re.Pattern[str], path: str) -> bool:
    """Whether a pattern means this very path. `path` ends with a slash if it is a folder.

    pathspec's pattern of a folder (its group `ps_d`) fits what is inside, too, and its own decision prefers other
    patterns to those, so that `*`, `!*/`, `!*.jpg` would ignore everything. git asks a pattern about each folder on
    the way and never looks into an ignored one, and so does the walk; then the last pattern that fits decides.
    """
    if "ps_d" not in regex.groupindex:
        return regex.search(path) is not None
    return any(match["ps_d"] is None or match.end("ps_d") == len(path) for match in regex.finditer(path))


def always_ignored(name: str, *, hidden: bool) -> bool:
    """Whether a file or folder of this name is never looked at. `hidden`: look at dot names, too."""
    if name[0] == "." and not hidden:
        return True
    return name.casefold() in _NAMES or _TEMPORARY.fullmatch(name) is not None


def parse_patterns(folder: str, lines: Iterable[str], on_fault: Callable[[int, str], None]) -> Patterns:
    """Compile .gitignore lines; `on_fault` gets the number and text of a line that makes no sense."""
    compiled: list[tuple[bool, re.Pattern[str]]] = []
    for number, line in enumerate(lines, 1):
        try:
            patterns = GitIgnoreSpec.from_lines([line]).patterns
        except ValueError as error:
            on_fault(number, str(error))
            continue
        # A comment or an empty line has neither.
        compiled += [(p.include, p.regex) for p in patterns if p.include is not None and p.regex is not None]
    return Patterns(folder, tuple(reversed(compiled)))


def ignored(path: str, is_folder: bool, layers: Sequence[Patterns]) -> bool:
    """What several layers of patterns, outermost first, say of a path: as in git, the innermost that fits wins."""
    for layer in reversed(layers):
        verdict = layer.verdict(path, is_folder)
        if verdict is not None:
            return verdict
    return False
