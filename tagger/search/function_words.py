"""Words of a sentence that are no label and nothing to look for: articles, prepositions, forms of "to be".

A search by words leaves out few, because any word may be a label; a description leaves out all that says nothing of
what is in a photo.
"""

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

# What a description leaves out: in English, and in other languages beside that, where Japanese and Chinese need none.
IGNORED = frozenset(
    """
    a about also am an and another any are as at be been being both but by can could did do does doing each for from
    had has have having he her here hers herself him himself his how i if image in into is it its itself just like me
    my near nothing of on onto or our ours out over photo photograph photos pic pics picture pictures s shot show
    showing shows so some something t than that the their theirs them themselves then there these they this those
    through to too under up upon us very was we were what when where which while who whose will with would you your
    yours
    """.split()
)
_OTHERS = {
    "de": """
    ab am an auf aus bei beim bild bilder das dem den der des die dort durch ein eine einem einen einer eines er es foto
    fotos für hat hier hinter ich ihr im in ist mein meine meinem meinen meiner mit nach neben oder ohne seine sie sind
    so über um und unter uns unser vom von vor war wie wir wo zu zum zur zwischen
    """,
    "fr": """
    à au aux avec ce ces cette chez d dans de derrière des devant du elle en entre est et il ils image j je l la le les
    leur ma mes mon nos notre nous ou où par photo photos pour près qui s sa sans ses son sont sous sur un une
    """,
    "es": """
    a al con de del delante desde detrás e el ella en entre es esta este foto fotos hay imagen junto la las lo los mi
    mis nos nuestra nuestro o para por que se sin sobre son su sus un una unas unos y
    """,
    "it": """
    a ai al alla alle allo che con d da dal dalla davanti degli dei del della delle dello di dietro e è foto gli i il
    immagine in l la le lo mia mio nei nel nella nelle noi nostra nostro o per presso senza sono sopra sotto su sua sul
    sulla suo tra un una uno
    """,
    "pt": """
    a ao aos as atrás com da das de do dos e é ela ele em entre foto fotos frente imagem meu minha na nas no nos nossa
    nosso o os ou para pela pelo perto por que se sem seu sob sobre sua são um uma
    """,
    "nl": """
    aan achter als bij dat de den die dit door een en er foto haar het hij hun ik in is maar met mijn naar naast of om
    onder ons onze op over plaatje te tegen tot uit van voor was wat wij ze zij zijn zonder
    """,
    "pl": """
    a ale bez dla do i jest jej jego ich ja ku lub mój moja moje my na nad nasz nasza nie o obok od oraz po pod przed
    przez przy się są ta te ten to u w we z za zdjęcie zdjęcia ze
    """,
    "sv": """
    att av bakom bild de den det du efter en ett för foto framför från han har hon i in är jag med mellan min mina mitt
    och om på sin sina som till under ur utan vår våra vi vid över
    """,
}


def ignored(language: str) -> frozenset[str]:
    """The function words of a language beside English ones, without accents; none for a language without a list."""
    return frozenset(_OTHERS.get(language, "").translate(_PLAIN).split())


_PLAIN = str.maketrans("áàâäåãéèêëęíìóòôöõúùüñçśćżźńàąýš", "aaaaaaeeeeeiiooooouuuncsczznaays") | {
    ord("ł"): "l",
    ord("ß"): "ss",
}
