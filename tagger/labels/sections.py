"""What labels are: people, animals, food; for whoever shows them in groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from tagger.core.sentences import Sentence
from tagger.labels.policy import RULE_PREFIX
from tagger.labels.taxonomy import OWN_PREFIX, load


@dataclass(frozen=True, slots=True)
class Section:
    """A group of labels. `name`: in addresses; `roots`: WordNet's synsets and groups whose labels belong to it."""

    name: str
    title: Sentence
    roots: tuple[str, ...] = ()


TAUGHT = Section("yours", Sentence("Your own labels"))
PEOPLE = Section(
    "people", Sentence("People"), ("n00007846", "n07970406", "n08182379", "n03987079", "group:selfie", "group:group")
)
ANIMALS = Section("animals", Sentence("Animals"), ("n00015388",))
PLACES = Section(
    "places",
    Sentence("Places"),
    # Regions, land, water, streets, buildings, rooms, and what is fenced in for people.
    (
        "n00027167",
        "n09287968",
        "n09225146",
        "n04096066",
        "n04334599",
        "n02913152",
        "n04105893",
        "n03953416",
        "n04460130",
        "n02898711",
        "n03417345",
        "n03963645",
        "n04371225",
        "n02732072",
        "n03745146",
        "n03322099",
        "n04295881",
        "n04497962",
        "n08651735",
        "n09475292",
        "n03385557",
        "n04202417",
        "n03297735",
        "group:landscape",
    ),
)
THINGS = Section("things", Sentence("Things"))
# In the order in which they are looked through: what belongs to several stands in the first.
SECTIONS = (
    TAUGHT,
    PEOPLE,
    ANIMALS,
    Section("food", Sentence("Food and drink"), ("n00021265", "n07555863", "n07570720", "group:food")),
    Section("vehicles", Sentence("Vehicles"), ("n04524313", "n03100490")),
    PLACES,
    Section(
        "nature",
        Sentence("Plants, weather and seasons"),
        # Plants, fungi, flowers; sky, weather, fire.
        (
            "n00017222",
            "n12992868",
            "n11669921",
            "n13152742",
            "n09436708",
            "n09247410",
            "n09416076",
            "n11501381",
            "n07302836",
            "n07352190",
            "n13556893",
        ),
    ),
    Section("activities", Sentence("Activities and events")),
    THINGS,
    Section("kinds", Sentence("Kinds of photo")),
)
# Labels that stand below nothing, or below what says another thing than a person means.
_SINGLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "places": ("group:underwater",),
        # Ice, mud, sand, snow, hay; night, sunset, winter.
        "nature": (
            "n14915184",
            "n14956325",
            "n15019030",
            "n15043763",
            "n07802026",
            "n15167027",
            "n15169248",
            "n15237782",
        ),
        # Camping, concert, party, wedding, parade, Christmas, birthday.
        "activities": (
            "n01055165",
            "n06892775",
            "n07447641",
            "n07452074",
            "n08428485",
            "n15196186",
            "n15250178",
            "group:kayaking",
            "group:winter sports",
            "group:water sports",
        ),
        # A cart to push, a skateboard, a menu.
        "things": ("n04204347", "n02797295", "n04225987", "n06595351", "n07565083", "group:electronics"),
        "kinds": (
            "group:screenshot",
            "group:document",
            "group:panorama",
            "group:black and white",
            "group:burst",
            "group:long exposure",
            "group:flash",
            "group:silhouette",
        ),
    }
)
# What people do has WordNet's first numbers.
_ACTS = "n00"


def section_of(key: str) -> Section:
    """The group that a label belongs to; what is nothing else is a thing."""
    if key.startswith((OWN_PREFIX, RULE_PREFIX)):
        return TAUGHT
    return _sections().get(key, THINGS)


@cache
def _sections() -> Mapping[str, Section]:
    known = load()
    by_name = {section.name: section for section in SECTIONS}
    found: dict[str, Section] = {key: by_name[name] for name, keys in _SINGLE.items() for key in keys}
    for key in known.labels:
        above = {key, *known.ancestors(key)}
        covered = set(known.classes_under(key))
        for section in SECTIONS:
            if key in found:
                break
            for root in section.roots:
                inside = known.groups.get(root)
                if root in above or (inside and covered and covered <= set(inside)):
                    found[key] = section
                    break
        if key not in found and key.startswith(_ACTS):
            found[key] = by_name["activities"]
    return found
