"""tagger write, undo and history on real files, with exiftool as the person beside it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests import exiftool
from tests.cli.labelled import label_all
from tests.cli.runner import Tagger

SUBJECT = "XMP-dc:Subject"
ALL_FIELDS = (SUBJECT, "XMP-lr:HierarchicalSubject", "XMP-digiKam:TagsList", "IPTC:Keywords", "IFD0:XPKeywords")

# What each program reads, the first that is there or (`+`) all of them together. The sources are beside
# tagger.keywords.metadata.fields.TARGETS.
READING: dict[str, tuple[str, ...]] = {
    "immich": ("XMP-digiKam:TagsList", "XMP-lr:HierarchicalSubject", "IPTC:Keywords"),
    "digikam": ("XMP-digiKam:TagsList", "XMP-lr:HierarchicalSubject", SUBJECT, "IPTC:Keywords", "IFD0:XPKeywords"),
    "lightroom": (f"{SUBJECT}+XMP-lr:HierarchicalSubject",),
    "darktable": (f"{SUBJECT}+XMP-lr:HierarchicalSubject",),
    "windows": (f"{SUBJECT}+IPTC:Keywords+IFD0:XPKeywords",),
    "apple": (SUBJECT, "IPTC:Keywords"),
    "photoprism": ("IPTC:Keywords", SUBJECT),
}
FIELDS = ("none", SUBJECT, "XMP-lr:HierarchicalSubject", "XMP-digiKam:TagsList", "IPTC:Keywords", "XPKeywords")
SEPARATORS = {"XMP-digiKam:TagsList": "/", "XMP-lr:HierarchicalSubject": "|"}


def values(path: Path) -> dict[str, list[str]]:
    found = exiftool.lists(path, *ALL_FIELDS)
    if "IFD0:XPKeywords" in found:
        # exiftool reads UCS-2 there, Windows UTF-16.
        with Image.open(path) as picture:
            found["IFD0:XPKeywords"] = picture.getexif()[0x9C9E].decode("utf-16-le").rstrip("\0").split(";")
    return found


def subject(path: Path) -> list[str]:
    return values(path).get(SUBJECT, [])


def read_as(program: str, path: Path) -> set[str]:
    """The keywords that a program finds in a file: the last levels of the first field that is there."""
    there = values(path)
    for fields in READING[program]:
        texts = [(tag, text) for tag in fields.split("+") for text in there.get(tag, [])]
        if texts:
            return {text.split(SEPARATORS[tag])[-1] if tag in SEPARATORS else text for tag, text in texts}
    return set()


def photo(path: Path, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", (64, 48), (len(path.name) * 7 % 256, 80, 90))
    picture.save(path, "JPEG", quality=90, comment=path.name.encode(), **options)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


def writer(tmp_path: Path, mode: str = "embed", **settings: str) -> Tagger:
    return Tagger(tmp_path, {"TAGGER_KEYWORDS_MODE": mode} | {f"TAGGER_KEYWORDS_{k}": v for k, v in settings.items()})


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


# --- what is written ---------------------------------------------------------------------------------------


def test_it_is_off_until_it_is_set(tmp_path: Path, folder: Path) -> None:
    tagger = Tagger(tmp_path)
    photo(folder / "a.jpg")
    label_all(tagger.data, folder, ["tiger"])
    before = snapshot(folder)
    said = tagger("write", code=2).stderr
    assert "off" in said
    assert "mode =" in said
    assert snapshot(folder) == before


def test_dry_run_tells_and_writes_nothing(tmp_path: Path, folder: Path) -> None:
    tagger = Tagger(tmp_path)
    photo(folder / "a.jpg")
    (folder / "b.png").write_bytes(b"")
    Image.new("RGB", (9, 9)).save(folder / "b.png")
    label_all(tagger.data, folder, ["tiger"])
    before = snapshot(folder)
    told = tagger.json("write", "--dry-run", "--mode", "embed")
    assert (told["files"], told["sidecars"], told["added"]) == (2, 1, {"dc:subject": 2})
    a_jpg = len(before["a.jpg"][0])
    # The photo once more, with its new packet, and the sidecar.
    assert a_jpg + 1000 < told["bytes"] < a_jpg + 2500
    text = tagger("write", "--dry-run", "--mode", "embed").stdout
    assert "a.jpg" in text
    assert "+ dc:subject: tiger" in text
    assert "only JPEG" in text
    assert snapshot(folder) == before


def test_only_the_photos_that_are_named_are_written_as_the_preview_says(tmp_path: Path, folder: Path) -> None:
    tagger = writer(tmp_path)
    one, two = photo(folder / "one.jpg"), photo(folder / "two.jpg")
    label_all(tagger.data, folder, ["tiger"])
    # Now the keywords of the other wait to be written.
    tagger("correct", two, "--add", "beach")
    would = tagger.json("write", "--dry-run", "path:one.jpg")
    before = snapshot(folder)
    done = tagger.json("write", "path:one.jpg")
    assert (done["files"], done["bytes"]) == (would["files"], would["bytes"])
    assert subject(one) == ["tiger"]
    assert snapshot(folder)["two.jpg"] == before["two.jpg"]
    tagger("write")
    assert set(subject(two)) == {"tiger", "beach"}


@pytest.mark.slow
def test_sidecars_are_made_beside_and_merged_into(tmp_path: Path, folder: Path) -> None:
    tagger = writer(tmp_path, "sidecar")
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        photo(folder / name)
    exiftool.edit(folder / "a.jpg", "-o", str(folder / "b.xmp"), "-XMP-dc:Subject=beach", "-XMP:Rating=4")
    before = snapshot(folder)
    label_all(tagger.data, folder, ["tiger"])
    tagger("write")
    assert {name: snapshot(folder)[name] for name in ("a.jpg", "b.jpg", "c.jpg")} == {
        name: before[name] for name in ("a.jpg", "b.jpg", "c.jpg")
    }
    assert sorted(path.name for path in folder.glob("*.xmp")) == ["a.jpg.xmp", "b.xmp", "c.jpg.xmp"]
    assert subject(folder / "b.xmp") == ["beach", "tiger"]
    assert exiftool.lists(folder / "b.xmp", "XMP:Rating") == {"XMP-xmp:Rating": ["4"]}
    assert subject(folder / "a.jpg.xmp") == ["tiger"]
    # A sidecar is never a photo.
    assert {p["path"] for p in tagger.export()} == {str(folder / name) for name in ("a.jpg", "b.jpg", "c.jpg")}
    tagger("undo", "--all")
    assert snapshot(folder) == before


def test_adobes_name_is_an_option_and_raw_and_jpeg_never_share(tmp_path: Path, folder: Path) -> None:
    tagger = writer(tmp_path, "sidecar", SIDECAR_NAME="photo.xmp")
    photo(folder / "a.jpg")
    photo(folder / "pair.jpg")
    Image.new("RGB", (9, 9)).save(folder / "pair.png")
    label_all(tagger.data, folder, ["tiger"])
    tagger("write")
    assert sorted(path.name for path in folder.glob("*.xmp")) == ["a.xmp", "pair.jpg.xmp", "pair.png.xmp"]


def test_a_folder_elsewhere_leaves_read_only_photos_alone(tmp_path: Path, folder: Path) -> None:
    tagger = writer(tmp_path, "sidecar", SIDECAR_FOLDER=str(tmp_path / "sidecars"))
    photo(folder / "2019" / "a.jpg")
    before = snapshot(folder)
    label_all(tagger.data, folder, ["tiger"])
    tagger("write")
    assert snapshot(folder) == before
    place = Path(f"{tmp_path}/sidecars{folder}/2019/a.jpg.xmp")
    assert subject(place) == ["tiger"]
    tagger("undo", "--all")
    assert not place.exists()


def test_which_labels_how_many_and_how_spelt(tmp_path: Path, folder: Path) -> None:
    photo(folder / "a.jpg")
    names = ["tiger", "big cat", "animal", "everyday object", "sandbar"]
    tagger = writer(tmp_path, FOR='["lightroom", "digikam"]', ROOT="tagger", COUNT="2")
    label_all(tagger.data, folder, names)
    tagger("write")
    found = values(folder / "a.jpg")
    assert found[SUBJECT] == ["tiger", "animal", "big cat", "sandbar"]
    assert found["XMP-lr:HierarchicalSubject"] == ["tagger|animal|big cat|tiger", "tagger|sandbar"]
    assert found["XMP-digiKam:TagsList"] == ["tagger/animal/big cat/tiger", "tagger/sandbar"]
    # Other settings: what is ours is changed to them.
    other = writer(tmp_path, PARENTS="false", PREFIX="ai:", MIN_CONFIDENCE="0.9")
    other("write")
    assert values(folder / "a.jpg")[SUBJECT] == ["ai:tiger"]
    assert "XMP-lr:HierarchicalSubject" in found


# --- every program finds both ------------------------------------------------------------------------------

ODD = ["тигр", "虎", "🐅", 'a & b <c> "d"', "x" * 300, "tiger"]


@pytest.mark.slow
def every_program_and_field() -> list[Any]:
    """All pairs; a few of them, with every program and every field among them, are quick enough for each run."""
    return [
        pytest.param(program, field, marks=[] if FIELDS[number % len(FIELDS)] == field else pytest.mark.slow)
        for number, program in enumerate(sorted(READING))
        for field in FIELDS
    ]


@pytest.mark.parametrize(("program", "field"), every_program_and_field())
def test_each_program_finds_the_persons_keywords_and_ours(
    tmp_path: Path, folder: Path, field: str, program: str
) -> None:
    path = photo(folder / "a.jpg")
    persons = ["Anna", "Ostsee & Strand", "Бабушка"]
    if field == "XPKeywords":
        exiftool.edit(path, f"-XPKeywords={';'.join(persons)}")
    elif field == "IPTC:Keywords":
        exiftool.edit(path, "-codedcharacterset=utf8", *(f"-IPTC:Keywords={name}" for name in persons))
    elif field != "none":
        level = {"XMP-lr:HierarchicalSubject": "People|", "XMP-digiKam:TagsList": "People/"}.get(field, "")
        exiftool.edit(path, *(f"-{field}={level}{name}" for name in persons))
    else:
        persons = []
    before = read_as(program, path)
    tagger = writer(tmp_path, FOR=f'["{program}"]', COUNT="10")
    label_all(tagger.data, folder, ODD)
    told = tagger.json("write")
    # IPTC cannot hold 300 letters, and says so; the program that reads nothing else goes without that one.
    ours = set(ODD) - ({"x" * 300} if program == "photoprism" else set())
    found = read_as(program, path)
    assert ours <= found
    assert before <= found
    if field != "none" and program not in ("immich", "photoprism", "apple"):
        assert set(persons) <= found
    assert told["failed"] == 0
    if program == "photoprism":
        assert any("cannot hold" in note for note in told["notes"])


def test_exiftool_reads_back_exactly_what_was_written(tmp_path: Path, folder: Path) -> None:
    path = photo(folder / "a.jpg")
    tagger = writer(tmp_path, FOR='["immich", "lightroom", "windows", "photoprism"]', COUNT="10", ROOT="ai")
    label_all(tagger.data, folder, ODD)
    tagger("write")
    assert values(path) == {
        SUBJECT: ODD,
        "XMP-lr:HierarchicalSubject": [f"ai|{name}" for name in ODD],
        "XMP-digiKam:TagsList": [f"ai/{name}" for name in ODD],
        "IPTC:Keywords": [name for name in ODD if len(name) < 65],
        "IFD0:XPKeywords": ODD,
    }


# --- a person's keywords -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["embed", pytest.param("sidecar", marks=pytest.mark.slow)])
def test_a_persons_keywords_survive_everything(tmp_path: Path, folder: Path, mode: str) -> None:
    path = photo(folder / "a.jpg")
    where = path if mode == "embed" else folder / "a.jpg.xmp"
    tagger = writer(tmp_path, mode, FOR='["digikam"]')
    if mode == "embed":
        exiftool.edit(where, "-XMP-dc:Subject=before", "-XMP-dc:Subject=tiger")
    else:
        exiftool.edit(path, "-o", str(where), "-XMP-dc:Subject=before", "-XMP-dc:Subject=tiger")
    label_all(tagger.data, folder, ["tiger", "beach"])
    tagger("write")
    assert subject(where) == ["before", "tiger", "beach"]
    exiftool.edit(where, "-XMP-dc:Subject+=between", "-XMP-digiKam:TagsList+=People/Anna")
    # A model change: other labels.
    label_all(tagger.data, folder, ["lakeside", "beach"], model="fedcba9876543210")
    tagger("write")
    assert subject(where) == ["before", "tiger", "beach", "between", "lakeside"]
    exiftool.edit(where, "-XMP-dc:Subject+=after", "-XMP-dc:Subject+=lakeside")
    label_all(tagger.data, folder, ["sandbar"], model="0123456789abcdef")
    tagger("write")
    assert subject(where) == ["before", "tiger", "between", "after", "lakeside", "sandbar"]
    tagger("undo", "--all")
    assert subject(where) == ["before", "tiger", "between", "after", "lakeside"]
    assert "People/Anna" in values(where)["XMP-digiKam:TagsList"]
    assert not any("sandbar" in text for texts in values(where).values() for text in texts)


@pytest.mark.slow
def test_a_keyword_that_a_person_took_out_does_not_come_back(tmp_path: Path, folder: Path) -> None:
    path = photo(folder / "a.jpg")
    tagger = writer(tmp_path)
    label_all(tagger.data, folder, ["tiger", "beach"])
    tagger("write")
    exiftool.edit(path, "-XMP-dc:Subject-=tiger")
    label_all(tagger.data, folder, ["tiger", "beach"])
    tagger("write", "--again")
    assert subject(path) == ["beach"]
    label_all(tagger.data, folder, ["tiger", "sandbar"], model="fedcba9876543210")
    tagger("write")
    assert subject(path) == ["sandbar"]
    # Put back by the person, it is the person's.
    exiftool.edit(path, "-XMP-dc:Subject+=tiger")
    label_all(tagger.data, folder, ["tiger", "sandbar"])
    tagger("write", "--again")
    tagger("undo", "--all")
    assert subject(path) == ["tiger"]


# --- taking back -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_undo_of_a_run_a_label_and_a_query(tmp_path: Path, folder: Path) -> None:
    one, two = photo(folder / "one.jpg"), photo(folder / "two.jpg")
    tagger = writer(tmp_path)
    label_all(tagger.data, folder, ["tiger", "beach"])
    before = snapshot(folder)
    tagger("write")
    wrote = snapshot(folder)
    told = tagger.json("undo", "--label", "Tiger", "--dry-run")
    assert (told["files"], told["removed"]) == (2, {"dc:subject: tiger": 2})
    assert snapshot(folder) == wrote
    tagger("undo", "--label", "Tiger")
    assert subject(one) == subject(two) == ["beach"]
    tagger("undo", "path:one.jpg")
    assert snapshot(folder)["one.jpg"] == before["one.jpg"]
    assert subject(two) == ["beach"]
    # The next write goes by the labels again.
    tagger("write", "--again")
    assert subject(one) == ["tiger", "beach"]
    tagger("undo", "--run", _last_run(tagger))
    assert snapshot(folder)["one.jpg"] == before["one.jpg"]
    assert subject(two) == ["beach"]
    assert "No run 999" in tagger("undo", "--run", 999, code=2).stderr
    assert "Name one of" in tagger("undo", code=2).stderr


def _last_run(tagger: Tagger) -> int:
    with sqlite3.connect(tagger.database) as connection:
        return int(connection.execute("SELECT max(id) FROM runs WHERE command = 'write' AND written > 0").fetchone()[0])


@pytest.mark.slow
def test_undo_after_an_edit_takes_back_ours_and_keeps_the_edit(tmp_path: Path, folder: Path) -> None:
    path = photo(folder / "a.jpg")
    tagger = writer(tmp_path, FOR='["immich", "windows", "photoprism", "lightroom"]')
    label_all(tagger.data, folder, ["tiger"])
    tagger("write")
    exiftool.edit(path, "-XMP-dc:Subject+=mine", "-IPTC:Keywords+=mine", "-EXIF:Artist=Me", "-XMP:Rating=5")
    done = tagger.json("undo", "--all")
    assert (done["files"], done["exact"]) == (1, 0)
    assert values(path) == {SUBJECT: ["mine"], "IPTC:Keywords": ["mine"]}
    assert exiftool.lists(path, "EXIF:Artist", "XMP:Rating") == {"IFD0:Artist": ["Me"], "XMP-xmp:Rating": ["5"]}
    assert b"tagger" not in path.read_bytes().replace(b'x:xmptk="tagger"', b"")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["embed", "sidecar"])
def test_undo_after_an_older_database_was_put_back(tmp_path: Path, folder: Path, mode: str) -> None:
    path = photo(folder / "a.jpg")
    exiftool.edit(path, "-XMP-dc:Subject=mine")
    tagger = writer(tmp_path, mode)
    label_all(tagger.data, folder, ["tiger"])
    before = values(path)
    shutil.copy2(tagger.database, tmp_path / "backup.db")
    tagger("write")
    assert "tiger" in subject(path if mode == "embed" else folder / "a.jpg.xmp")
    for name in ("library.db", "library.db-wal", "library.db-shm"):
        (tagger.data / name).unlink(missing_ok=True)
    shutil.copy2(tmp_path / "backup.db", tagger.database)
    done = tagger.json("undo", "--all")
    assert done["files"] == 1
    assert values(path) == before
    assert [p.name for p in folder.iterdir()] == ["a.jpg"]


@pytest.mark.slow
def test_history_tells_every_write(tmp_path: Path, folder: Path) -> None:
    path = photo(folder / "a.jpg")
    tagger = writer(tmp_path)
    label_all(tagger.data, folder, ["tiger"])
    assert "Nothing was written" in tagger("history", path).stderr
    tagger("write")
    label_all(tagger.data, folder, ["beach"], model="fedcba9876543210")
    tagger("write")
    tagger("undo", "--all")
    said = tagger("history", path).stdout
    assert said.index("(undo)") < said.index("+ dc:subject: beach") < said.index("+ dc:subject: tiger")
    assert "- dc:subject: tiger" in said
    lines = tagger("history", "--json", path).stdout.splitlines()
    assert len(lines) == 3
    assert '"hash_before"' in lines[0]


# --- what is not written -----------------------------------------------------------------------------------


def test_a_second_write_changes_nothing_and_labels_nothing_anew(tmp_path: Path, folder: Path) -> None:
    for number in range(5):
        photo(folder / f"{number}.jpg")
    tagger = writer(tmp_path)
    label_all(tagger.data, folder, ["tiger"])
    tagger("write")
    first = snapshot(folder)
    assert tagger.json("write", "--again")["files"] == 0
    assert snapshot(folder) == first
    # No echo: the scan finds the files as they are known.
    assert label_all(tagger.data, folder, ["tiger"]) == 0


def test_a_photo_that_changed_since_is_labelled_first(tmp_path: Path, folder: Path) -> None:
    path = photo(folder / "a.jpg")
    tagger = writer(tmp_path)
    label_all(tagger.data, folder, ["tiger"])
    Image.new("RGB", (80, 80)).save(path, "JPEG")
    before = snapshot(folder)
    told = tagger.json("write")
    assert (told["files"], told["stale"]) == (0, 1)
    assert snapshot(folder) == before
    assert label_all(tagger.data, folder, ["beach"]) == 1
    tagger("write")
    assert subject(path) == ["beach"]


@pytest.mark.slow
def test_hard_links_get_a_sidecar_unless_told_otherwise(tmp_path: Path, folder: Path) -> None:
    path = photo(folder / "a.jpg")
    os.link(path, tmp_path / "other name.jpg")
    tagger = writer(tmp_path)
    label_all(tagger.data, folder, ["tiger"])
    before = path.read_bytes()
    told = tagger.json("write")
    assert "hard links" in next(iter(told["declined"]))
    assert path.read_bytes() == before
    assert subject(folder / "a.jpg.xmp") == ["tiger"]
    said = tagger("history", path).stdout
    assert "hard links" in said
    tagger("undo", "--all")
    writer(tmp_path, HARD_LINKS="true")("write", "--again")
    assert subject(path) == ["tiger"]
    assert (tmp_path / "other name.jpg").read_bytes() == before


def test_links_out_of_the_library_are_not_followed_for_writing(tmp_path: Path, folder: Path) -> None:
    outside = photo(tmp_path / "outside.jpg")
    (folder / "link.jpg").symlink_to(outside)
    tagger = writer(tmp_path)
    tagger.environ["TAGGER_INTAKE_FOLLOW_SYMLINKS"] = "true"
    before = outside.read_bytes()
    label_all(tagger.data, folder, ["tiger"], follow=True)
    told = tagger.json("write")
    assert "outside the library" in next(iter(told["declined"]))
    assert outside.read_bytes() == before
    assert subject(folder / "link.jpg.xmp") == ["tiger"]


@pytest.mark.slow
def test_a_damaged_sidecar_is_left_alone_and_told_once(tmp_path: Path, folder: Path) -> None:
    photo(folder / "a.jpg")
    (folder / "a.jpg.xmp").write_text("<x:xmpmeta")
    tagger = writer(tmp_path, "sidecar")
    label_all(tagger.data, folder, ["tiger"])
    told = tagger.json("write", code=1)
    assert "left alone" in told["failures"][0]["reason"]
    assert (folder / "a.jpg.xmp").read_text() == "<x:xmpmeta"
    assert tagger.json("write")["failed"] == 0
    status = tagger.json("status")["keywords"]
    assert (status["failed"], status["mode"]) == (1, "sidecar")
    assert "not well-formed" in tagger("status", "--failed").stdout
    (folder / "a.jpg.xmp").unlink()
    tagger("retry")
    assert tagger.json("write")["files"] == 1


def test_a_folder_that_cannot_be_written_to_is_told_and_not_tried_again(tmp_path: Path, folder: Path) -> None:
    path = photo(folder / "a.jpg")
    tagger = writer(tmp_path)
    label_all(tagger.data, folder, ["tiger"])
    before = path.read_bytes()
    read_only = f"mount --bind '{folder}' '{folder}' && mount -o remount,bind,ro '{folder}'"
    if os.geteuid() != 0 or os.system(read_only) != 0:
        pytest.skip("mounting is not allowed here")
    try:
        told = tagger.json("write", code=1)
        assert "mounted read-only" in told["failures"][0]["reason"]
        assert tagger.json("write")["failed"] == 0
        assert path.read_bytes() == before
    finally:
        os.system(f"umount '{folder}'")
    tagger("retry")
    assert tagger.json("write")["files"] == 1


def test_names_that_are_not_utf_8_are_written_and_taken_back(tmp_path: Path, folder: Path) -> None:
    path = folder / os.fsdecode(b"caf\xe9 'n\nquote\".jpg")
    photo(folder / "x.jpg").rename(path)
    before = path.read_bytes()
    tagger = writer(tmp_path)
    label_all(tagger.data, folder, ["tiger"])
    assert tagger.json("write")["files"] == 1
    assert b"<rdf:li>tiger</rdf:li>" in path.read_bytes()
    tagger("undo", "--all")
    assert path.read_bytes() == before


@pytest.mark.slow
def test_the_backfill_writes_what_it_labelled(tagger: Tagger, tmp_path: Path, shared: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for source in sorted((shared / "photos" / "labelled").glob("n0212*")):
        shutil.copy2(source, folder)
    before = snapshot(folder)
    tagger.environ["TAGGER_KEYWORDS_MODE"] = "embed"
    done = tagger.json("backfill", folder)
    assert done["keywords"]["files"] > 0
    assert "tiger" in subject(folder / "n02129604_tiger.JPEG")
    again = tagger.json("backfill")
    assert (again["changed"], again["labelled"], again["keywords"]["files"]) == (0, 0, 0)
    tagger("undo", "--all")
    assert snapshot(folder) == before
    # Taken back is taken back, although the setting still stands.
    assert tagger.json("backfill")["keywords"]["files"] == 0
    assert snapshot(folder) == before
