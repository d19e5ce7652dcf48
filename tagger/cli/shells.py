"""What bash, zsh and fish ask tagger when the Tab key is pressed, and what they are answered.

Click finds the candidates. Its own scripts are not used: names of several words and fields with a colon come out wrong
in them. Here the shell hands over the line up to the cursor in COMP_LINE, and inserts what it gets. A line of an answer
is a kind, a value and a description, with tabs between; `file` and `dir` ask the shell for paths.
"""

from __future__ import annotations

import os
import re
from typing import Any

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string

_BASH = """\
_tagger_completion() {
    local kind value rest
    COMPREPLY=()
    while IFS=$'\\t' read -r kind value rest; do
        case $kind in
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
            open) compopt -o nospace; COMPREPLY+=("$value") ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(COMP_LINE="${COMP_LINE:0:$COMP_POINT}" _TAGGER_COMPLETE=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F _tagger_completion tagger
"""

_ZSH = """\
#compdef tagger

_tagger_completion() {
    local kind value about
    local -a values shown open open_shown
    local paths=""
    while IFS=$'\\t' read -r kind value about; do
        case $kind in
            file|dir) paths=$kind ;;
            plain) values+=("$value"); shown+=("$value${about:+  -- $about}") ;;
            open) open+=("$value"); open_shown+=("$value") ;;
        esac
    done < <(COMP_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" _TAGGER_COMPLETE=zsh_complete ${words[1]} 2>/dev/null)
    (( $#values )) && compadd -U -l -V tagger -d shown -a values
    (( $#open )) && compadd -U -S "" -V fields -d open_shown -a open
    [[ $paths == file ]] && _path_files
    [[ $paths == dir ]] && _path_files -/
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _tagger_completion "$@"
else
    compdef _tagger_completion tagger
fi
"""

_FISH = """\
function _tagger_completion
    set -l line (commandline -cp | string collect)
    for answer in (env COMP_LINE=$line _TAGGER_COMPLETE=fish_complete tagger 2>/dev/null)
        set -l parts (string split -m 2 \\t -- $answer)
        switch $parts[1]
            case file
                __fish_complete_path $parts[2]
            case dir
                __fish_complete_directories $parts[2] ''
            case '*'
                printf '%s\\t%s\\n' $parts[2] $parts[3]
        end
    end
end
complete --command tagger --no-files --keep-order --arguments '(_tagger_completion)'
"""


class _Shell(ShellComplete):
    def source(self) -> str:
        return self.source_template

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("COMP_LINE", "")
        words = split_arg_string(line)
        # Behind a blank that is not part of the last word, a new one begins.
        begins = split_arg_string(line + "x") != [*words[:-1], f"{words[-1]}x"] if words else True
        return (words[1:], "") if begins else (words[1:-1], words[-1])

    def complete(self) -> str:
        args, incomplete = self.get_completion_args()
        # A file's name cannot come from here, and no name that has a line end or a tab can be handed over.
        items = [item for item in self.get_completions(args, incomplete) if not re.search(r"[\t\n]", str(item.value))]
        # Behind a field, its value is to be typed.
        return "\n".join(
            "\t".join((_kind(item), self.inserted(str(item.value)), " ".join((item.help or "").split())))
            for item in items
        )

    def inserted(self, value: str) -> str:
        """What the shell takes for a value."""
        return value

    def format_completion(self, item: CompletionItem[Any]) -> str:
        return str(item.value)


def _kind(item: CompletionItem[Any]) -> str:
    return "open" if item.type == "plain" and str(item.value).endswith(":") else item.type


class _Bash(_Shell):
    name = "bash"
    source_template = _BASH

    def inserted(self, value: str) -> str:
        typed = _last_word(os.environ.get("COMP_LINE", ""))
        if typed[:1] in ("'", '"'):
            # Within quotes, bash inserts what it gets.
            return value
        escaped = re.sub(r"([^\w@%+=:,./-])", r"\\\1", value)
        # Bash takes what stands behind a colon or an equals sign for a word of its own, and replaces only that.
        breaks = [match.end() for match in re.finditer(r"[:=]", typed)]
        return escaped[breaks[-1] :] if breaks else escaped


class _Zsh(_Shell):
    name = "zsh"
    source_template = _ZSH


class _Fish(_Shell):
    name = "fish"
    source_template = _FISH


SHELLS: dict[str, type[_Shell]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def _last_word(line: str) -> str:
    """The word before the cursor as it was typed, with its quotes."""
    start, quote, escaped = 0, "", False
    for place, letter in enumerate(line):
        if escaped:
            escaped = False
        elif letter == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter.isspace():
            start = place + 1
    return line[start:]


def answer_shells() -> None:
    """Let a shell be answered as its script here expects it."""
    for shell in SHELLS.values():
        add_completion_class(shell)
