"""Folders of symbolic links to photos, as commands make them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tagger.cli.common import count, path_json, print_failures, write_json
from tagger.core.errors import ExitCode
from tagger.core.paths import PhotoPath, shown_path


def renew_links(folder: str, photos: Sequence[PhotoPath], roots: Sequence[str], *, as_json: bool) -> ExitCode:
    """Renew a folder of links, and tell what changed. `folder`: absolute. `roots`: the library's folders."""
    from tagger.search.link_tree import link_photos

    done = link_photos(Path(folder), photos, roots)
    if as_json:
        failed = [path_json(path) | {"reason": reason} for path, reason in done.failed]
        write_json({"links": done.links, "new": done.new, "removed": done.removed, "failed": failed})
    else:
        changes = f"{done.new:,} new, {done.removed:,} removed"
        print(f"{count(done.links, 'link')} in {shown_path(folder)}: {changes}.")
        sys.stdout.flush()
        print_failures(done.failed)
    return ExitCode.DONE if photos and not done.failed else ExitCode.SOME_FAILED
