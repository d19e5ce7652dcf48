"""`tagger completion`: the script that lets a shell complete tagger's commands and names."""

from __future__ import annotations

import sys

import click

from tagger.cli.shells import SHELLS
from tagger.core.errors import ExitCode


@click.command(
    "completion",
    epilog="""\b
The Tab key completes commands, options, files and folders, labels in your
language, the fields of a query, models, taught labels, saved searches and
settings.

\b
Once is enough; it holds from the next shell on.

\b
Examples:
  tagger completion bash > ~/.local/share/bash-completion/completions/tagger
      (make the folder first, and install the package bash-completion)
      or, without that package, into ~/.bashrc:
      source <(tagger completion bash)
  tagger completion zsh > ~/.zfunc/_tagger
      and into ~/.zshrc: fpath+=~/.zfunc; autoload -Uz compinit; compinit
  tagger completion fish > ~/.config/fish/completions/tagger.fish""",
)
@click.argument("shell", type=click.Choice(list(SHELLS)))
def command(shell: str) -> int:
    """Print the script that makes SHELL complete what belongs behind tagger."""
    sys.stdout.write(SHELLS[shell].source_template)
    return ExitCode.DONE
