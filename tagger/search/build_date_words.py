"""Makes `date_words.json`, how dates are said in the languages of labels: `python -m tagger.search.build_date_words`.

Months, days of the week, *yesterday*, *last month* and *3 days ago* are those of CLDR, by Babel, which it needs. CLDR
names no seasons, no weekend, no numbers and no *last 7 days*: these are listed here. The file is committed.
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
_POLISH_MONTHS = "styczniu lutym marcu kwietniu maju czerwcu lipcu sierpniu wrześniu październiku listopadzie grudniu"
_MORE = {
    "de": {
        "Frühjahr": "spring",
        "Sonnabend": "saturday",
        "Jänner": "january",
        "Feber": "february",
        "Mrz": "march",
        "Jahres": "year",
    },
    "fr": {"an": "year"},
    "pl": {
        "latem": "summer",
        "lata": "summer",
        "zimą": "winter",
        "wiosną": "spring",
        "jesienią": "autumn",
        "dziś": "today",
        "zeszłego roku": "last year",
        "rok temu": "1 years ago",
        "miesiąc temu": "1 months ago",
        "tydzień temu": "1 weeks ago",
        # In such a month.
        **dict(zip(_POLISH_MONTHS.split(), dates.MONTHS, strict=True)),
    },
    "it": {"avantieri": "2 days ago", "altro ieri": "2 days ago"},
    "es": {"antier": "2 days ago"},
    "ja": {
        "おととい": "2 days ago",
        "一昨年": "2 years ago",
        "先週末": "last weekend",
        **{f"{sign}曜": day for sign, day in zip("月火水木金土日", dates.DAYS, strict=True)},
    },
    "nl": {"voorjaar": "spring", "najaar": "autumn"},
    "sv": {
        "igår": "yesterday",
        "idag": "today",
        "våren": "spring",
        "sommaren": "summer",
        "hösten": "autumn",
        "vintern": "winter",
        "helgen": "weekend",
        "förrgår": "2 days ago",
        "i våras": "last spring",
        "i somras": "last summer",
        "i höstas": "last autumn",
        "i vintras": "last winter",
    },
    "zh": {
        "春季": "spring",
        "夏季": "summer",
        "秋季": "autumn",
        "冬季": "winter",
        "上星期": "last week",
        "上周末": "last weekend",
        **{
            f"{week}{sign}": day
            for week in ("周", "礼拜")
            for sign, day in zip("一二三四五六日", dates.DAYS, strict=True)
        },
    },
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
# One to twelve. Several forms of one number stand with a stroke between them.
_NUMBERS = {
    "en": "a|an|one two three four five six seven eight nine ten eleven twelve",
    "de": "einem|einer|einen|ein zwei drei vier fünf|fuenf sechs sieben acht neun zehn elf zwölf|zwoelf",
    "fr": "un|une deux trois quatre cinq six sept huit neuf dix onze douze",
    "es": "un|una dos tres cuatro cinco seis siete ocho nueve diez once doce",
    "it": "un|uno|una|un' due tre quattro cinque sei sette otto nove dieci undici dodici",
    "pt": "um|uma dois|duas três quatro cinco seis sete oito nove dez onze doze",
    "nl": "een|één twee drie vier vijf zes zeven acht negen tien elf twaalf",
    "pl": "jeden|jedną dwa|dwie trzy cztery pięć sześć siedem osiem dziewięć dziesięć jedenaście dwanaście",
    "sv": "en|ett två tre fyra fem sex sju åtta nio tio elva tolv",
    "ja": "一 二 三 四 五 六 七 八 九 十 十一 十二",
    "zh": "一 二|两 三 四 五 六 七 八 九 十 十一 十二",
}
# The last 7 of days, weeks, months and years.
_LAST_MANY = {
    "en": (("last {0} X", "past {0} X"), "days weeks months years"),
    "de": (
        ("letzten {0} X", "letzte {0} X", "vergangenen {0} X"),
        "Tage|Tagen|Tag Wochen|Woche Monate|Monaten|Monat Jahre|Jahren|Jahr",
    ),
    "fr": (("{0} derniers X", "{0} dernières X"), "jours semaines mois ans|années"),
    "es": (("últimos {0} X", "últimas {0} X"), "días semanas meses años"),
    "it": (("ultimi {0} X", "ultime {0} X"), "giorni settimane mesi anni"),
    "pt": (("últimos {0} X", "últimas {0} X"), "dias semanas meses anos"),
    "nl": (("afgelopen {0} X", "laatste {0} X"), "dagen weken maanden jaar"),
    "pl": (("ostatnie {0} X", "ostatnich {0} X"), "dni tygodnie|tygodni miesiące|miesięcy lata|lat"),
    "sv": (("senaste {0} X",), "dagarna|dagar veckorna|veckor månaderna|månader åren|år"),
    "ja": (("過去 {0} X", "直近 {0} X"), "日間|日 週間 か月間|か月 年間|年"),
    "zh": (("最近 {0} X", "过去 {0} X", "近 {0} X"), "天 周|个星期 个月 年"),
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
        if unit == "day":
            found[fields[unit]["relative"][-2]] = "2 days ago"
        ago |= dict.fromkeys(fields[unit]["past"].values(), unit)
        ago |= {pattern.removeprefix("för "): unit for pattern in fields[unit]["past"].values()}
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
    ago |= {f"{{0}} {unit}{s} ago": unit for unit in ("day", "week", "month", "year") for s in ("", "s")}
    phrases["the day before yesterday"] = phrases["day before yesterday"] = "2 days ago"
    many: dict[str, str] = {}
    for ways, units in _LAST_MANY.values():
        for unit, forms in zip(("day", "week", "month", "year"), units.split(), strict=True):
            for form in forms.split("|"):
                many |= {spoken_dates.plain(pattern.replace("X", form)): unit for pattern in ways}
    numbers = {
        spoken_dates.plain(form): number
        for words in _NUMBERS.values()
        for number, forms in enumerate(words.split(), 1)
        for form in forms.split("|")
    }
    known = {"phrases": phrases, "ago": ago, "last": many, "numbers": numbers}
    text = json.dumps(known, ensure_ascii=False, indent=1, sort_keys=True)
    Path(spoken_dates.__file__).with_name(spoken_dates.FILE).write_text(text + "\n")


if __name__ == "__main__":
    main()
