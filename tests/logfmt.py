"""A reader of logfmt, as strict as those of others."""

from __future__ import annotations

import json
import re


def read_logfmt(line: str) -> dict[str, str]:
    """A line by the rules of github.com/go-logfmt/logfmt, which Loki follows; ValueError if it breaks them."""
    found = {}
    at = 0
    while at < len(line):
        key = re.compile(r'([^\x00-\x20="]+)=').match(line, at)
        if key is None:
            raise ValueError(f"no key at {at}: {line}")
        value = re.compile(r'(?:"((?:[^"\\\x00-\x1f]|\\.)*)"|([^\x00-\x20="]*))(?: |$)').match(line, key.end())
        if value is None:
            raise ValueError(f"no value of {key[1]}: {line}")
        # What stands in quotes is escaped as in JSON, and nothing else is.
        found[key[1]] = value[2] if value[1] is None else json.loads(f'"{value[1]}"')
        at = value.end()
    return found
