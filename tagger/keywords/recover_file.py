"""Settling one replacement of a file that a crash, or a person's edit, stopped half way."""

from __future__ import annotations

import os

from tagger.keywords.file_content import hash_at
from tagger.keywords.rename import exchange_files, rename_to_free
from tagger.keywords.replace_file import Replacement, remove_own


def recover_file(replacement: Replacement, before: bytes | None, after: bytes | None) -> bool:
    """Clean up after a write that may have stopped anywhere; returns whether the write happened.

    `before`, `after`: the hashes of the file without and with the write, None for no file. A person's version that was
    caught in an exchange goes back to its place. Only tagger's own file and the old file are ever removed.
    Raises OSError.
    """
    path, temporary = replacement.path, replacement.temporary
    remove_own(replacement.part)
    here, aside = hash_at(path), hash_at(temporary)
    if aside is None or aside in (before, after):
        # The file aside is tagger's and was never put in place, or it is the old file and may go.
        remove_own(temporary)
        return here == after or (aside is not None and aside == before)
    # A person's version came out of the exchange, and the process ended before it was put back.
    if here is None:
        if not rename_to_free(temporary, path):
            os.rename(temporary, path)
    elif here == after:
        exchange_files(temporary, path)
        remove_own(temporary)
    else:
        stem, extension = os.path.splitext(path)
        os.rename(temporary, f"{stem}.kept-{replacement.token}{extension}")
    return False
