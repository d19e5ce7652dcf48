"""Rules that a person makes: into the settings, into the file and back, and under what config.toml says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.core.config import LabelSettings, Settings
from tagger.core.config_sources import load_settings
from tagger.core.errors import ConfigError, UsageError
from tagger.labels.rules import LabelRules, rules_of, save_rules, with_rules

TIGER, TABBY, PUG = "n02129604", "n02123045", "n02110958"


def load(data_dir: Path, config: str = "") -> Settings:
    file = data_dir.parent / "config.toml"
    file.write_text(config)
    return load_settings(file, environ={"TAGGER_DATA_DIR": str(data_dir)})


def test_rules_are_kept_in_a_file_that_the_settings_read(tmp_path: Path) -> None:
    data = tmp_path / "data"
    rules = LabelRules(TIGER, "tiger", rename='our "Shere Khan"\\', threshold=0.85)
    save_rules(load(data), rules)
    save_rules(load(data), LabelRules(TABBY, "tabby", merge_into="cat of ours"))
    save_rules(load(data), LabelRules(PUG, "pug", silence=True))
    settings = load(data)
    assert rules_of(settings, TIGER) == rules
    assert rules_of(settings, TABBY).merge_into == "cat of ours"
    assert rules_of(settings, PUG).silence
    assert settings.labels.rename == {TIGER: 'our "Shere Khan"\\'}
    save_rules(settings, LabelRules(TIGER, "tiger"))
    save_rules(load(data), LabelRules(TABBY, "tabby"))
    save_rules(load(data), LabelRules(PUG, "pug"))
    assert load(data).labels == LabelSettings()


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30),
    st.booleans(),
    st.none() | st.floats(0, 1),
)
def test_whatever_a_rule_says_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rename: str, merge: str, silence: bool, threshold: float | None
) -> None:
    data = tmp_path_factory.mktemp("rules") / "data"
    rules = LabelRules(TIGER, "tiger", rename, merge, silence, threshold)
    save_rules(load(data), rules)
    assert rules_of(load(data), TIGER) == rules if rename != "tiger" else True


def test_config_wins_and_its_labels_cannot_be_changed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    save_rules(load(data), LabelRules(TIGER, "tiger", threshold=0.9))
    save_rules(load(data), LabelRules(PUG, "pug", silence=True))
    config = '[labels]\nsilence = ["beagle"]\n[labels.thresholds]\n"Tiger" = 0.7\n[labels.rename]\npug = "Mops"\n'
    settings = load(data, config)
    assert set(settings.labels.silence) == {"beagle", PUG}
    for key in (TIGER, PUG):
        assert rules_of(settings, key).fixed
        with pytest.raises(UsageError, match=r"config\.toml"):
            save_rules(settings, LabelRules(key, "x", threshold=0.1))
    assert not rules_of(settings, TABBY).fixed


def test_a_merged_label_has_rules_of_its_own(tmp_path: Path) -> None:
    data = tmp_path / "data"
    save_rules(load(data), LabelRules(TABBY, "tabby", merge_into="our cats"))
    key = "rule:our cats"
    assert rules_of(load(data), key).name == "our cats"
    save_rules(load(data), LabelRules(key, "our cats", threshold=0.4))
    assert load(data).labels.thresholds == {"our cats": 0.4}
    assert rules_of(load(data), key).threshold == 0.4


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    settings = load(tmp_path / "data")
    with pytest.raises(UsageError, match="model's labels"):
        rules_of(settings, "own:mitzi")
    with pytest.raises(ConfigError):
        with_rules(settings, LabelRules("n99999999", "?", silence=True))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "rules.toml").write_text('[labels]\nsilence = ["x"\n')
    with pytest.raises(ConfigError, match=r"rules\.toml"):
        load(data)
    (data / "rules.toml").write_text("[labels]\n[labels.thresholds]\ntiger = 7\n")
    with pytest.raises(ConfigError, match=r"rules\.toml"):
        load(data)
