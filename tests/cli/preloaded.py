"""Imports what tagger's commands do. Only the process that `tests.cli.forked` forks from imports it."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys

_before = dict(os.environ)

import tagger  # noqa: E402
from tagger.cli import main  # noqa: E402

# What importing the program sets in the environment.
SET = {name: value for name, value in os.environ.items() if _before.get(name) != value}

for _module, _ in main._COMMANDS.values():
    importlib.import_module(f"tagger.cli.{_module}")
for _package in ("core", "imaging", "keywords", "labels", "pipeline", "search", "service", "store", "teaching"):
    for _found in pkgutil.walk_packages([f"{tagger.__path__[0]}/{_package}"], f"tagger.{_package}."):
        importlib.import_module(_found.name)
importlib.import_module("alembic.command")
# They belong to the inference child, and start threads.
assert not {"tensorflow", "ai_edge_litert", "ray", "s3fs", "fsspec", "botocore"} & set(sys.modules)
