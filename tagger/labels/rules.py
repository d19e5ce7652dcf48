"""Rules for labels that a person made on the web page: stored in rules.toml beside the library, below config.toml.

The same rules as in [labels] of the settings, by the label's key: another name, counting under another, silence, a
threshold. What config.toml says of a label wins, and is not changed here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tagger.core.atomic_file import replacing
from tagger.core.config import LabelSettings, Settings
from tagger.core.config_sources import RULES_FILE, own_rules
from tagger.core.errors import UsageError
from tagger.core.sentences import Sentence
from tagger.labels import taxonomy
from tagger.labels.policy import RULE_PREFIX, Policy
from tagger.labels.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class LabelRules:
    """The rules of one label. An empty text, False or None: no such rule. `fixed`: config.toml has rules for it."""

    key: str
    name: str
    rename: str = ""
    merge_into: str = ""
    silence: bool = False
    threshold: float | None = None
    fixed: bool = False


def rules_of(settings: Settings, key: str) -> LabelRules:
    """The current rules of the label with a key. Raises UsageError if it cannot have rules."""
    known = taxonomy.load()
    name = _name(known, settings.labels, key)
    labels = settings.labels
    own = _parsed(own_rules(settings.data_dir))
    found = _find(known, labels, key, name)
    return replace(found, fixed=_find(known, own, key, name) != found)


def with_rules(settings: Settings, rules: LabelRules) -> Settings:
    """The settings with these rules for their label. Raises ConfigError, UsageError.

    Labels are named by their keys, so that renaming one does not lose its other rules.
    """
    known = taxonomy.load()
    labels = settings.labels.model_copy(update=_with(known, settings.labels, rules))
    # Raises if a rule makes no sense.
    Policy.from_settings(labels, known)
    return settings.model_copy(update={"labels": labels})


def save_rules(settings: Settings, rules: LabelRules) -> None:
    """Store rules. Raises UsageError if config.toml has rules for the label, OSError."""
    known = taxonomy.load()
    if rules_of(settings, rules.key).fixed:
        raise UsageError(
            Sentence("config.toml has rules for {name!r}.", name=rules.name), Sentence("Change them there.")
        )
    own = _parsed(own_rules(settings.data_dir))
    new = own.model_copy(update=_with(known, own, rules))
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with replacing(settings.data_dir / RULES_FILE) as temporary:
        temporary.write_text(_toml(new), encoding="utf-8")


def _name(known: Taxonomy, labels: LabelSettings, key: str) -> str:
    name = known.names.get(key)
    if name is None and key.startswith(RULE_PREFIX) and key.removeprefix(RULE_PREFIX) in labels.merge:
        name = key.removeprefix(RULE_PREFIX)
    if name is None:
        raise UsageError(
            Sentence("Rules are for the model's labels."),
            Sentence("One of your own is removed from photos where it does not belong."),
        )
    return name


def _parsed(rules: Mapping[str, Any]) -> LabelSettings:
    return LabelSettings.model_validate_json(json.dumps(rules))


def _find(known: Taxonomy, labels: LabelSettings, key: str, name: str) -> LabelRules:
    def means(text: str) -> bool:
        return text == key or key in known.lookup(text)

    # If several mean the label, the last one counts, as for the policy.
    thresholds = [value for text, value in labels.thresholds.items() if means(text) or key == RULE_PREFIX + text]
    return LabelRules(
        key,
        name,
        rename=([""] + [new for text, new in labels.rename.items() if means(text)])[-1],
        merge_into=([""] + [new for new, parts in labels.merge.items() if any(map(means, parts))])[-1],
        silence=any(map(means, labels.silence)),
        threshold=thresholds[-1] if thresholds else None,
    )


def _with(known: Taxonomy, labels: LabelSettings, rules: LabelRules) -> dict[str, Any]:
    """The tables of [labels] with the rules of one label replaced."""

    def other(text: str) -> bool:
        return text != rules.key and rules.key not in known.lookup(text) and rules.key != RULE_PREFIX + text

    # A label that a rule made is named by its name, any other by its key.
    own = rules.key.removeprefix(RULE_PREFIX)
    rename = {text: new for text, new in labels.rename.items() if other(text)}
    merge = {new: tuple(filter(other, parts)) for new, parts in labels.merge.items()}
    thresholds = {text: value for text, value in labels.thresholds.items() if other(text)}
    silence = tuple(filter(other, labels.silence))
    if rules.rename and rules.rename != rules.name:
        rename[own] = rules.rename
    if rules.merge_into:
        merge[rules.merge_into] = (*merge.get(rules.merge_into, ()), own)
    if rules.silence:
        silence = (*silence, own)
    if rules.threshold is not None:
        thresholds[own] = rules.threshold
    return {
        "rename": rename,
        "merge": {new: parts for new, parts in merge.items() if parts},
        "thresholds": thresholds,
        "silence": silence,
    }


def _toml(labels: LabelSettings) -> str:
    # A JSON text is a TOML basic string, for every text without unpaired surrogates.
    def text(value: str) -> str:
        return json.dumps(value, ensure_ascii=False)

    lines = [
        "# Written by the web page; config.toml wins over it. After a change by hand: tagger relabel",
        "[labels]",
        f"silence = [{', '.join(map(text, labels.silence))}]",
        "",
        "[labels.thresholds]",
        *(f"{text(key)} = {float(value)}" for key, value in labels.thresholds.items()),
        "",
        "[labels.rename]",
        *(f"{text(key)} = {text(new)}" for key, new in labels.rename.items()),
        "",
        "[labels.merge]",
        *(f"{text(new)} = [{', '.join(map(text, parts))}]" for new, parts in labels.merge.items()),
    ]
    return "\n".join(lines) + "\n"
