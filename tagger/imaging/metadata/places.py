"""What a place on the map is called: town, region, country, from a table in the package. Nothing leaves the machine.

The table is GeoNames' of towns with more than a thousand people (places.npz, PLACES-NOTICE). Names are those that
GeoNames puts first, mostly English for countries and large cities, else the local ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_EARTH_KM = 6371.0
_DEGREE_KM = 111.2
# Farther from any town, such as at sea, a place has no name.
_FARTHEST_KM = 100.0
# A city of so many people reaches about sqrt(people) / 100 km from its middle: Paris 14.6, New York 29.7.
_CITY_PEOPLE, _KM_OF_PEOPLE, _WIDEST_KM = 100_000, 0.01, 40.0


@dataclass(frozen=True, slots=True)
class Place:
    """The names of a place. `towns`: the nearest one, and the large city that it lies in, if that is another."""

    towns: tuple[str, ...]
    region: str
    country: str


class _Lines:
    """The lines of a text in UTF-8, made strings one by one: as strings, the names of all towns take 11 MB."""

    def __init__(self, text: NDArray[np.uint8]) -> None:
        self._text = text
        self._ends = np.append(np.flatnonzero(text == ord("\n")), len(text)).astype(np.uint32)

    def __getitem__(self, number: int) -> str:
        start = int(self._ends[number - 1]) + 1 if number else 0
        return self._text[start : self._ends[number]].tobytes().decode()


@dataclass(frozen=True, slots=True)
class _Table:
    """All towns, by latitude."""

    latitude: NDArray[np.float32]
    longitude: NDArray[np.float32]
    population: NDArray[np.uint32]
    region: NDArray[np.uint16]
    names: _Lines
    regions: _Lines


def place_at(latitude: float, longitude: float) -> Place | None:
    """The names of a place, in degrees north and east; None if no town is near."""
    table = _table()
    reach = _FARTHEST_KM / _DEGREE_KM
    first, last = np.searchsorted(table.latitude, [latitude - reach, latitude + reach])
    if first == last:
        return None
    distance = _km(latitude, longitude, table.latitude[first:last], table.longitude[first:last])
    nearest = int(np.argmin(distance))
    if distance[nearest] > _FARTHEST_KM:
        return None
    people = table.population[first:last]
    inside = distance <= np.minimum(_KM_OF_PEOPLE * np.sqrt(people), _WIDEST_KM)
    cities = np.flatnonzero(inside & (people >= _CITY_PEOPLE))
    towns = [table.names[first + nearest]]
    if len(cities):
        towns.append(table.names[first + int(cities[np.argmax(people[cities])])])
    region, _, country = table.regions[int(table.region[first + nearest])].partition("\t")
    return Place(tuple(dict.fromkeys(towns)), region, country)


def _km(
    latitude: float, longitude: float, latitudes: NDArray[np.float32], longitudes: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The distances on a sphere (haversine)."""
    here, there = np.radians(latitude), np.radians(latitudes.astype(np.float64))
    across = np.radians(longitudes.astype(np.float64) - longitude)
    half = np.sin((there - here) / 2) ** 2 + np.cos(here) * np.cos(there) * np.sin(across / 2) ** 2
    return np.asarray(2 * _EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1))))


def names_of_places(people: int) -> list[str]:
    """The names of all countries, and of the towns that have so many people."""
    table = _table()
    towns = [table.names[place] for place in np.flatnonzero(table.population >= people).tolist()]
    countries = {table.regions[place].rpartition("\t")[2] for place in np.unique(table.region).tolist()}
    return [*towns, *sorted(countries)]


def forget() -> None:
    """Let go of the table, 5 MB that who is idle can do without; the next place reads it again."""
    _table.cache_clear()


@cache
def _table() -> _Table:
    with np.load(Path(__file__).with_name("places.npz")) as data:
        numbers = (data["latitude"], data["longitude"], data["population"], data["region"])
        texts = [_Lines(data[name]) for name in ("names", "regions")]
    return _Table(*numbers, *texts)
