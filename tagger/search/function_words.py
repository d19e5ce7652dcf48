"""Words of a sentence that are no label and nothing to look for: articles, prepositions, forms of "to be"."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tagger.core.languages import LanguageCode


def _set(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


# Not "and", "or" and "not": who types them means AND, OR and NOT, and is told so.
FUNCTION_WORDS: Mapping[LanguageCode, frozenset[str]] = MappingProxyType(
    {
        "en": _set(
            "a an the of in on at by with from to for into near under over is are my our his her some this that"
        ),
        "de": _set(
            "der die das den dem des ein eine einen einem einer eines im in am an auf aus bei",
            "beim mit ohne vom von vor zu zum zur über unter neben hinter zwischen ist sind mein meine unser",
        ),
        "fr": _set(
            "le la les l un une des du de d à au aux en dans sur sous avec sans par pour près devant derrière est sont",
            "mon ma mes notre nos son sa ses",
        ),
        "es": _set(
            "el la los las un una unos unas de del al a en con sin por para sobre bajo junto ante es está son están mi",
            "mis su sus nuestro nuestra",
        ),
        "it": _set(
            "il lo la i gli le l un uno una di del dello della dei degli delle al allo alla ai agli alle a da dal in",
            "nel nella con senza su sul sulla per sotto vicino è sono mio mia nostro nostra",
        ),
        "pt": _set(
            "o a os as um uma uns umas de do da dos das ao à aos às em no na nos nas com sem por para sobre sob junto",
            "é está são meu minha nosso nossa",
        ),
        "nl": _set("de het een van in op aan bij met zonder voor achter naast onder over uit is zijn mijn ons onze"),
        "pl": _set("na w we z ze do od przy pod nad za przed przez o jest są mój moja nasz nasza"),
        "sv": _set(
            "en ett den det de på i av med utan vid till från under över bakom framför hos är min mitt vår vårt"
        ),
    }
)
