"""Texts for people that can be said in another language: the command line says them in English, the page in more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self


class LabelName(str):
    """The English name of a label in a sentence, which has a name in each language. `key`: the label's."""

    key: str

    def __new__(cls, name: str, key: str) -> Self:
        """The name of a label."""
        made = super().__new__(cls, name)
        made.key = key
        return made

    def __reduce__(self) -> tuple[type[LabelName], tuple[str, str]]:
        return LabelName, (str(self), self.key)


class Sentence(str):
    """A text that remembers how it was put together: a template, and values in the places of its `{names}`.

    It is used as the English text that it is. What it says first, as a literal text, is collected for the catalogues of
    the page (`tagger.web.build_messages`).
    """

    template: str
    values: dict[str, object]

    def __new__(cls, template: str, **values: object) -> Self:
        """Put a text together. Without values the template is the text, whatever is in it."""
        made = super().__new__(cls, template.format(**values) if values else template)
        made.template = template
        made.values = values
        return made

    def named(self, name_of: Callable[[str, str], str]) -> Sentence:
        """The same with labels by other names, told by their keys and English names."""

        def of(value: object) -> object:
            if isinstance(value, LabelName):
                return name_of(value.key, value)
            return value.named(name_of) if isinstance(value, Sentence) else value

        return Sentence(self.template, **{name: of(value) for name, value in self.values.items()})

    def told(self, translate: Callable[[str], str]) -> str:
        """The text by another template; values that are sentences are told so, too."""
        told = {
            name: value.told(translate) if isinstance(value, Sentence) else value for name, value in self.values.items()
        }
        template = translate(self.template)
        return template.format(**told) if told else template
