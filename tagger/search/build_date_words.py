"""Makes `date_words.json`, how dates are said in the languages of labels: `python -m tagger.search.build_date_words`.

Months, days of the week, *yesterday*, *last month* and *3 days ago* are those of CLDR, by Babel, which it needs. CLDR
names no seasons and no weekend: these are listed here. The file is committed.
"""

from __future__ import annotations

import json
from pathlib import Path

from babel import Locale

from tagger.core.languages import ENGLISH, LANGUAGES
from tagger.search import dates, spoken_dates

# In each language: spring, summer, autumn, winter, weekend; then "last" and "this" in all their forms.
_OWN = {
    "de": (
        ("Frühling", "Sommer", "Herbst", "Winter", "Wochenende"),
        ("letzter", "letzte", "letztes", "letzten", "vergangenen", "vorigen"),
        ("dieser", "diese", "dieses", "diesen"),
    ),
    "fr": (("printemps", "été", "automne", "hiver", "week-end"), ("dernier", "dernière"), ("ce", "cet", "cette")),
    "es": (
        ("primavera", "verano", "otoño", "invierno", "fin de semana"),
        ("pasado", "pasada", "último", "última"),
        ("este", "esta"),
    ),
    "it": (
        ("primavera", "estate", "autunno", "inverno", "fine settimana"),
        ("scorso", "scorsa", "passato", "passata"),
        ("questo", "questa", "quest'"),
    ),
    "pt": (
        ("primavera", "verão", "outono", "inverno", "fim de semana"),
        ("passado", "passada", "último", "última"),
        ("este", "esta", "neste", "nesta"),
    ),
    "nl": (("lente", "zomer", "herfst", "winter", "weekend"), ("afgelopen", "vorige", "vorig"), ("deze", "dit")),
    "pl": (
        ("wiosna", "lato", "jesień", "zima", "weekend"),
        ("ostatni", "ostatnia", "ostatnie", "zeszły", "zeszła", "zeszłe", "zeszłego"),
        ("ten", "ta", "to"),
    ),
    "sv": (("vår", "sommar", "höst", "vinter", "helg"), ("förra", "senaste"), ("denna", "detta", "den här")),
    "ja": (("春", "夏", "秋", "冬", "週末"), ("この前の", "前の"), ("この",)),
    "zh": (("春天", "夏天", "秋天", "冬天", "周末"), ("上个", "上"), ("这个", "这")),
}
_MORE = {
    "de": {"Frühjahr": "spring", "Sonnabend": "saturday"},
    "pl": {"latem": "summer", "zimą": "winter", "wiosną": "spring", "jesienią": "autumn"},
    "nl": {"voorjaar": "spring", "najaar": "autumn"},
    "sv": {
        "igår": "yesterday",
        "idag": "today",
        "våren": "spring",
        "sommaren": "summer",
        "hösten": "autumn",
        "vintern": "winter",
        "helgen": "weekend",
    },
    "zh": {"春季": "spring", "夏季": "summer", "秋季": "autumn", "冬季": "winter", "上星期": "last week"},
}
# Week, month and year behind "last" and "this", where CLDR says them in another case.
_UNITS = {
    "de": ("Woche", "Monat", "Jahr"),
    "fr": ("semaine", "mois", "année"),
    "es": ("semana", "mes", "año"),
    "it": ("settimana", "mese", "anno"),
    "pt": ("semana", "mês", "ano"),
    "nl": ("week", "maand", "jaar"),
    "pl": ("tydzień", "miesiąc", "rok"),
    "sv": ("vecka", "månad", "år"),
}
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_SEASONS = ("spring", "summer", "autumn", "winter", "weekend")
_RELATIVE = {-1: "last", 0: "this"}


def _words(code: str) -> tuple[dict[str, str], dict[str, str]]:
    """Phrases with what they are in English, and the ways to say so many days ago with their unit."""
    locale = Locale(code)
    found: dict[str, str] = {}
    for kind in ("format", "stand-alone"):
        found |= {name: dates.MONTHS[number - 1] for number, name in locale.months[kind]["wide"].items()}
        found |= {name: dates.DAYS[number] for number, name in locale.days[kind]["wide"].items()}
    names, last, this = _OWN[code]
    found |= dict(zip(names, _SEASONS, strict=True)) | dict.fromkeys(last, "last") | dict.fromkeys(this, "this")
    found |= _MORE.get(code, {}) | dict(zip(_UNITS.get(code, ()), ("week", "month", "year"), strict=False))
    ago: dict[str, str] = {}
    fields = locale._data["date_fields"]
    for unit in ("day", "week", "month", "year"):
        for step, word in _RELATIVE.items():
            english = {"last": "yesterday", "this": "today"}[word] if unit == "day" else f"{word} {unit}"
            found[fields[unit]["relative"][step]] = english
        ago |= dict.fromkeys(fields[unit]["past"].values(), unit)
    if code == "de":
        found |= {name.translate(_UMLAUTS): english for name, english in found.items()}
    return found, ago


def main() -> None:
    """Write the file. Raises ValueError where a phrase means two dates."""
    phrases: dict[str, str] = {}
    ago: dict[str, str] = {}
    for code in LANGUAGES:
        if code == ENGLISH:
            continue
        words, patterns = _words(code)
        for name, english in words.items():
            key = spoken_dates.plain(name)
            if phrases.setdefault(key, english) != english:
                raise ValueError(f"{code}: {name} means {english}, and {phrases[key]} in another language")
        for pattern, unit in patterns.items():
            key = spoken_dates.plain(pattern)
            if ago.setdefault(key, unit) != unit:
                raise ValueError(f"{code}: {pattern} means two units")
    text = json.dumps({"phrases": phrases, "ago": ago}, ensure_ascii=False, indent=1, sort_keys=True)
    Path(spoken_dates.__file__).with_name(spoken_dates.FILE).write_text(text + "\n")


if __name__ == "__main__":
    main()
