"""Ignore rules: built-in names, `.taggerignore` files and the patterns of `intake.ignore`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pathspec import GitIgnoreSpec

from tagger.core.formats import PHOTO_EXTENSIONS, extension

IGNORE_FILE = ".taggerignore"
NO_MEDIA_FILE = ".nomedia"

# Recycle bins, snapshots, thumbnails and partial copies of NAS vendors, operating systems and sync programs.
_NAMES = frozenset(
    name.casefold()
    for name in (
        *("@eaDir", "#recycle", "@Recycle", "#snapshot", ".stfolder", ".stversions", ".DS_Store", "Thumbs.db"),
        *("__MACOSX", "@Recently-Snapshot", ".@__thumb", "@tmp", "lost+found", "$RECYCLE.BIN", "Desktop.ini"),
        *("System Volume Information", ".Trash", ".Trashes", ".fseventsd", ".Spotlight-V100", ".git"),
        *("@sharesnap", "@sharebin", "@Transcode", ".~tmp~", ".rsync-partial", ".rsync-tmp", ".dropbox.cache", ".sync"),
        *("RECYCLER", "RECYCLED", ".snapshot", ".snapshots", ".zfs", ".AppleDouble", ".TemporaryItems", ".thumbnails"),
        *(".picasaoriginals", ".dtrash", ".wdmc", "ehthumbs.db", ".DocumentRevisions-V100"),
    )
)
# Files being copied or deleted by rsync, Syncthing, browsers, Nextcloud, Dropbox, Resilio, FileZilla, qBittorrent,
# Office, Android, network file systems, tagger; and Lightroom's previews.
_TEMPORARY = re.compile(
    r"\._.*|:2e_.*|\..+\.[A-Za-z0-9]{6}|[.~]syncthing[.~].*|~\$.*|\.tagger.*|\.trash-\d+|\..*\.~[0-9a-f]+"
    r"|\.(?:nfs|fuse_hidden|smbdelete|goutputstream-|pending-\d|trashed-\d|~lock\.).*|.*\.lrdata"
    r"|.*\.(?:part|partial|crdownload|download|tmp|temp|filepart|octransferid\d+.*|!qb|!ut|!sync|opdownload|icloud)",
    re.IGNORECASE | re.DOTALL,
)
# Extensions of files that are common among photos but are not photos. Other unknown extensions are sniffed.
_OTHER_EXTENSIONS = frozenset(
    f".{name}"
    for name in (
        "aac aae aiff ai avi bak bin bkp bup cfg conf cop cos cot csv ctb db dat doc docx dop dtstyle dvd eps exe flac"
        " gz htm html icc ico ifo indd ini iso jar js json key lnk log lrcat lrdata lrprev lrtemplate m2ts m4a m4v md"
        " mkv mov mp3 mp4 mpeg mpg mts numbers odt ogg old on1 opus orig pages pdf php plist pp3 ppt pptx psb psd py"
        " rar rtf sav sh sqlite srt svg swo swp swf tar tgz thm toml torrent txt url vob wav webm wma wmv xcf xls xlsx"
        " xml xmp yaml yml zip 3gp 7z"
    ).split()
)
_EXTENSIONS = "|".join(name[1:] for name in sorted(PHOTO_EXTENSIONS))
# The picture as it was, kept by exiftool (`a.jpg_original`) or an editor (`a.jpg~`, `a.jpg.~2~`, `a.jpg.bak1`,
# `#a.jpg#`), and numbered copies (`a.jpg.1`).
_KEPT_COPY = re.compile(
    r".*_original|.*_exiftool_tmp|.*~|#.*#|"
    rf".*\.(?:{_EXTENSIONS})(?:\.\d+|[._-]?(?:bak|backup|bck|bk|bkp|old|org|orig|original|sav|save|saved|tmp|temp)[_-]?\d*)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Patterns:
    """Patterns in .gitignore syntax that apply below `folder` (a path relative to the root; "" is the root)."""

    folder: str
    # (whether a match is ignored, the pattern), in reverse order of the lines.
    lines: tuple[tuple[bool, re.Pattern[str]], ...]

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """What the last matching pattern decides: ignored (True) or re-included (False); None if no pattern matches."""
        inner = path[len(self.folder) + 1 :] if self.folder else path
        text = inner + "/" if is_folder else inner
        return next((ignores for ignores, regex in self.lines if _fits(regex, text)), None)


def _fits(regex: re.Pattern[str], path: str) -> bool:
    """Whether a pattern matches exactly this path. `path` ends with a slash if it is a folder.

    pathspec's pattern of a folder (its group `ps_d`) also matches everything inside, and pathspec gives such matches
    less weight, so that `*`, `!*/`, `!*.jpg` would ignore everything. git instead checks each folder on the way and
    never enters an ignored one. The walk does the same, so the last pattern that matches exactly decides.
    """
    if "ps_d" not in regex.groupindex:
        return regex.search(path) is not None
    return any(match["ps_d"] is None or match.end("ps_d") == len(path) for match in regex.finditer(path))


def always_ignored(name: str, *, hidden: bool) -> bool:
    """Whether a file or folder is ignored because of its name. `hidden`: do not ignore names that begin with a dot."""
    if name[0] == "." and not hidden:
        return True
    return name.casefold() in _NAMES or _TEMPORARY.fullmatch(name) is not None


def never_photo(name: str) -> bool:
    """Whether the name of a file says that it is not a photo: another kind of file, or a copy that a program kept."""
    suffix = extension(name)
    if suffix in PHOTO_EXTENSIONS:
        return False
    return suffix in _OTHER_EXTENSIONS or _KEPT_COPY.fullmatch(name) is not None


def parse_patterns(folder: str, lines: Iterable[str], on_fault: Callable[[int, str], None]) -> Patterns:
    """Compile .gitignore lines. `on_fault` gets the number of each invalid line, and the reason."""
    compiled: list[tuple[bool, re.Pattern[str]]] = []
    for number, line in enumerate(lines, 1):
        try:
            patterns = GitIgnoreSpec.from_lines([line]).patterns
        except (ValueError, re.error) as error:
            on_fault(number, str(error))
            continue
        # Both are None for a comment or an empty line.
        compiled += [(p.include, p.regex) for p in patterns if p.include is not None and p.regex is not None]
    return Patterns(folder, tuple(reversed(compiled)))


def ignored(path: str, is_folder: bool, layers: Sequence[Patterns]) -> bool:
    """Whether a path is ignored by layers of patterns, the outermost first. As in git, the innermost match decides."""
    for layer in reversed(layers):
        verdict = layer.verdict(path, is_folder)
        if verdict is not None:
            return verdict
    return False
