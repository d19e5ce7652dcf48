"""The languages in which labels have names, by their codes (ISO 639-1), each as its speakers call it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from tagger.core.sentences import Sentence

LanguageCode = Literal["en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "ja", "zh"]
ENGLISH: LanguageCode = "en"
LANGUAGES: Mapping[LanguageCode, str] = MappingProxyType(
    {
        "en": "English",
        "de": "Deutsch",
        "fr": "français",
        "es": "español",
        "it": "italiano",
        "pt": "português",
        "nl": "Nederlands",
        "pl": "polski",
        "sv": "svenska",
        "ja": "日本語",
        "zh": "简体中文",
    }
)
# What messages in English call them.
ENGLISH_NAMES: Mapping[LanguageCode, Sentence] = MappingProxyType(
    {
        "en": Sentence("English"),
        "de": Sentence("German"),
        "fr": Sentence("French"),
        "es": Sentence("Spanish"),
        "it": Sentence("Italian"),
        "pt": Sentence("Portuguese"),
        "nl": Sentence("Dutch"),
        "pl": Sentence("Polish"),
        "sv": Sentence("Swedish"),
        "ja": Sentence("Japanese"),
        "zh": Sentence("Chinese"),
    }
)
