"""The API against the real server, and what the command line sees of it."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

from tests.cli.gallery import COUNT, HOSTILE, LABELLED
from tests.cli.runner import Tagger
from tests.cli.service import wait_for
from tests.web.site import Site, serving


def test_search_finds_what_the_command_line_finds(reading: Site) -> None:
    for query in ("espresso", "people -portrait", '"wild animal" OR food', "label>0.9", "food path:coffee"):
        by_page = [Path(one["path"]).name for one in reading.api(f"/search?limit=500&q={quote(query)}")["photos"]]
        assert by_page == reading.tagger.found(query), query
        assert by_page


def test_pages_follow_each_other_to_the_end(reading: Site) -> None:
    whole = [one["id"] for one in reading.api("/search?limit=500")["photos"]]
    parts, after = [], ""
    while after is not None:
        page = reading.api(f"/search?limit=37&after={after or ''}")
        parts += [one["id"] for one in page["photos"]]
        after = page["next"]
    assert parts == whole
    assert len(whole) == COUNT


def test_less_sure_photos_follow_where_they_are_asked_for(reading: Site) -> None:
    sure = reading.api("/search?limit=500&q=cat")
    whole = reading.api("/search?limit=500&q=cat&all=true")
    assert whole["less_sure"] == 0
    assert [one["less_sure"] for one in whole["photos"]] == [False] * len(sure["photos"]) + [True] * sure["less_sure"]
    assert whole["photos"][: len(sure["photos"])] == sure["photos"]
    assert [Path(one["path"]).name for one in whole["photos"]] == reading.tagger.found("--all", "cat")
    parts, after = [], ""
    while after is not None:
        page = reading.api(f"/search?limit=3&q=cat&all=true&after={after}")
        parts += page["photos"]
        after = page["next"]
    assert parts == whole["photos"]
    page = reading.get("/?q=cat", {"Accept": "text/html"}).text
    assert f"{sure['less_sure']} more, less sure" in page
    assert sure["less_sure"] > 0
    assert '<a href="/?q=cat&all=1">' in page
    assert "(less sure)" not in page
    page = reading.get("/?q=cat&all=1", {"Accept": "text/html"}).text.partition('id="alike-title"')[0]
    assert page.count("(less sure)</b>") == sure["less_sure"]
    assert "more, less sure" not in page


@pytest.mark.parametrize("cursor", ["x", "WyJzdXJlc3QiLCAwLjUsIDFd", "W10", "eyJhIjoxfQ", "WyJkYXRlZCIsIDEsIDFd", "💩"])
def test_a_cursor_that_somebody_made_up_is_refused(reading: Site, cursor: str) -> None:
    answer = reading.get(f"/api/v1/search?q=taken:2023&after={quote(cursor)}")
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert "cursor" in answer.json["detail"]


def test_problems_are_problem_details(reading: Site) -> None:
    for path, status in [
        ("/api/v1/search?q=(", 400),
        ("/api/v1/photos/999999", 404),
        ("/api/v1/photos/x", 422),
        ("/api/v1/photos/99999999999999999999", 422),
        ("/api/v1/nothing", 404),
        ("/api/v1/labels/own:x/rules", 400),
    ]:
        answer = reading.get(path)
        assert answer.status == status, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["status"] == status
        assert answer.json["title"]
    assert "not closed" in reading.get("/api/v1/search?q=(dog").json["detail"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("dog OR " * 800 + "cat", "at most 500"),
        ("(" * 3000 + "dog" + ")" * 3000, "deeper than 20"),
        ("NOT " * 2000 + "dog", "deeper than 20"),
        ("dog " * 3000, "too long"),
        ("dog\0", "U+0000"),
        ("path:\x01", "U+0001"),
        ("label>2", "from 0 to 1"),
    ],
    ids=range(7),
)
def test_a_query_that_cannot_be_answered_is_400_with_a_sentence(reading: Site, query: str, says: str) -> None:
    answer = reading.get(f"/api/v1/search?q={quote(query)}")
    assert answer.status == 400
    assert says in answer.json["detail"]
    page = reading.get(f"/?q={quote(query)}", {"Accept": "text/html"})
    assert page.status == 400
    assert says in page.text


@pytest.mark.slow
def test_a_label_with_quotes_in_it_is_found_by_the_links_of_the_page(site: Site) -> None:
    number = site.photo("coffee.jpg")
    name = '5" disk: AND "NOT"'
    site.send(f"/photos/{number}/corrections", {"add": [name]})
    wanted = "?q=" + quote('"' + name.replace('"', '""') + '"')
    assert wanted in site.get(f"/photos/{number}").text
    assert [one["id"] for one in site.api(f"/search{wanted}")["photos"]] == [number]


def test_unknown_words_come_with_suggestions(reading: Site) -> None:
    [word] = reading.api("/search?q=espreso")["unknown"]
    assert "espresso" in word["near"]


def test_suggestions_have_counts_and_come_from_the_library(reading: Site) -> None:
    names = {one["name"]: one["photos"] for one in reading.api("/suggest?q=dr")}
    assert names["drink"] >= 5
    assert next(iter(names.values())) == max(names.values())
    assert reading.api("/suggest?q=zzzz") == []


def test_a_photo_tells_everything_and_why(reading: Site) -> None:
    number = reading.photo("coffee.jpg")
    photo = reading.api(f"/photos/{number}")
    shown = reading.tagger.json("show", photo["path"])
    assert photo["state"] == "labelled"
    assert [one["name"] for one in photo["labels"]] == [one["name"] for one in shown["labels"]]
    assert photo["model"]["id"] == shown["model"]
    why = reading.api(f"/photos/{number}/why")
    assert why["classes"][0]["name"] == "espresso"
    assert not why["fresh"]
    assert any("reaches" in one["why"] for one in why["verdicts"])
    similar = reading.api(f"/photos/{number}/similar?limit=5")
    assert len(similar) == 5
    assert number not in [one["id"] for one in similar]


def test_pictures_of_every_format_are_small_upright_jpegs(reading: Site) -> None:
    for name, size in [("phone.heic", (300, 200)), ("turned.jpg", (200, 400)), ("coffee.jpg", None)]:
        answer = reading.get(f"/api/v1/photos/{reading.photo(name)}/picture?v=1")
        assert answer.headers["content-type"] == "image/jpeg"
        assert "immutable" in answer.headers["cache-control"]
        picture = Image.open(io.BytesIO(answer.body))
        assert size is None or picture.size == size
        assert max(picture.size) <= 400
    answer = reading.get(f"/api/v1/photos/{reading.photo('turned.jpg')}/picture?size=screen")
    red, _, blue = Image.open(io.BytesIO(answer.body)).getpixel((100, 50))  # type: ignore[misc]
    assert red > 200 > 60 > blue


def test_a_picture_that_cannot_be_made_says_why(reading: Site) -> None:
    answer = reading.get(f"/api/v1/photos/{reading.photo('broken.jpg')}/picture")
    assert answer.status == 422
    assert "cannot be shown" in answer.json["detail"]


def test_the_original_is_byte_for_byte_the_file(reading: Site) -> None:
    number = reading.photo("onerror")
    answer = reading.get(f"/api/v1/photos/{number}/original")
    assert answer.body == (reading.tagger.home / "photos" / HOSTILE).read_bytes()
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "<" not in answer.headers["content-disposition"]


def test_file_names_and_labels_are_only_ever_text(site: Site) -> None:
    number = site.photo("onerror")
    site.send(f"/photos/{number}/corrections", {"add": ["<script>alert(2)</script>"]})
    for path in ("/", "/?q=path:onerror", f"/photos/{number}", "/labels", "/labels?view=tree", "/?q=%3Cscript%3E"):
        page = site.get(path).text
        assert "<img src=x" not in page, path
        assert "<script>alert" not in page, path
        assert "49.jpg" not in page, path
    assert "&lt;img src=x" in site.get(f"/photos/{number}").text
    assert "&lt;script&gt;alert(2)" in site.get("/labels").text


def test_a_path_never_comes_from_the_client(reading: Site) -> None:
    for path in (
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/%2e%2e/config.py",
        "/api/v1/photos/..%2f..%2fetc%2fpasswd/original",
        "/api/v1/photos/1/../../../../etc/passwd",
        "/photos/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/static//etc/passwd",
    ):
        answer = reading.get(path)
        assert answer.status in (404, 422), path
        assert b"root:" not in answer.body
        assert b"import" not in answer.body


def test_a_link_that_leaves_its_folder_leads_nowhere(site: Site, tmp_path: Path) -> None:
    photos = site.tagger.home / "photos"
    number, other = site.photo("coffee.jpg"), site.photo("cat.jpg")
    (tmp_path / "secret.jpg").write_bytes((photos / "cat.jpg").read_bytes())
    coffee = photos / "coffee.jpg"
    coffee.unlink()
    coffee.symlink_to(tmp_path / "secret.jpg")
    for what in ("picture", "original", "picture?size=screen"):
        answer = site.get(f"/api/v1/photos/{number}/{what}")
        assert answer.status == 422, what
        assert "leaves its folder" in answer.json["detail"]
    # One that stays inside is as good as the file.
    coffee.unlink()
    coffee.symlink_to(photos / "cat.jpg")
    assert site.get(f"/api/v1/photos/{number}/original").body == site.get(f"/api/v1/photos/{other}/original").body
    coffee.unlink()
    os.mkfifo(coffee)
    assert site.get(f"/api/v1/photos/{number}/original").status == 422
    coffee.unlink()
    assert site.get(f"/api/v1/photos/{number}/picture").status == 422


def test_a_removed_label_is_gone_everywhere_and_stays_gone(site: Site) -> None:
    number = site.photo("coffee.jpg")
    assert "coffee.jpg" in site.tagger.found("espresso")
    said = site.send(f"/photos/{number}/corrections", {"remove": ["espresso", "drink"]})
    assert set(said["removed"]) == {"espresso", "drink"}
    assert "espresso" not in [one["name"] for one in said["labels"]]
    assert "coffee.jpg" not in site.tagger.found("espresso")
    site.tagger("relabel", environ={"TAGGER_LABELS_SHOW_THRESHOLD": "0.1"})
    assert "coffee.jpg" not in site.tagger.found("espresso")
    site.send(f"/photos/{number}/corrections", {"undo": ["espresso"]})
    assert "coffee.jpg" in site.tagger.found("espresso")


def test_own_words_are_found_suggested_and_counted(site: Site) -> None:
    number = site.photo("coffee.jpg")
    site.send(f"/photos/{number}/corrections", {"add": ["our cat Mitzi"], "confirm": ["espresso"]})
    assert site.tagger.found('"our cat mitzi"') == ["coffee.jpg"]
    # On a busy machine counting takes long, and then it is done beside.
    wait_for(lambda: ("our cat Mitzi", 1) in [(one["name"], one["photos"]) for one in site.api("/suggest?q=mitz")], 20)
    assert "our cat Mitzi" in [one["name"] for one in site.api("/labels")]
    for wrong in ({}, {"add": [""]}, {"remove": ["unicorn"]}, {"ad": ["x"]}, {"add": ["x" * 201]}, {"add": ["\n"]}):
        answer = site.ask(
            "POST",
            f"/api/v1/photos/{number}/corrections",
            json.dumps(wrong).encode(),
            {"Content-Type": "application/json"},
        )
        assert answer.status in (400, 422), wrong


def test_the_hierarchy_puts_each_label_below_the_narrowest_that_covers_it(reading: Site) -> None:
    def paths(branches: list[dict], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        found = []
        for one in branches:
            found.append((*above, one["name"]))
            found += paths(one["below"], (*above, one["name"]))
        return found

    found = paths(reading.api("/labels/tree"))
    assert len(found) == len(reading.api("/labels"))
    assert ("food", "drink", "espresso") in found
    assert any(path[0] == "animal" and path[-1] == "Egyptian cat" for path in found)


@pytest.mark.slow
def test_rules_are_previewed_kept_and_applied(site: Site) -> None:
    before, known = site.tagger.found("espresso"), site.tagger.found("--all", "espresso")
    wanted = {"rename": "black one", "threshold": 0.99}
    preview = site.send("/labels/n07920052/rules/preview", wanted)
    assert preview["photos"] == preview["compared"] == LABELLED
    assert preview["changed"] == len(before)
    assert ("espresso", len(before)) in [(one["name"], one["photos"]) for one in preview["lost"]]
    assert {Path(one["photo"]["path"]).name for one in preview["examples"]} == set(before)
    assert site.tagger.found("espresso") == before, "a preview changes nothing"

    done = site.send("/labels/n07920052/rules", wanted, method="PUT")
    assert done["by"] == "server"
    assert (done["rules"]["rename"], done["rules"]["threshold"]) == ("black one", 0.99)
    coffee = site.photo("coffee.jpg")

    def labels() -> dict[str, bool]:
        return {one["name"]: one["shown"] for one in site.api(f"/photos/{coffee}")["labels"]}

    wait_for(lambda: labels().get("black one") is False, 30)
    assert site.tagger.found("--strict", "black one") == []
    assert site.tagger.found("--strict", "--all", "black one") == known
    # The command line reads the same rules, and taking them back is exact.
    assert site.tagger.json("relabel")["changed"] == 0
    site.send("/labels/n07920052/rules", {"rename": "", "threshold": -1}, method="PUT")
    wait_for(lambda: labels().get("espresso") is True, 30)

    site.send("/labels/n07920052/rules", {"silence": True}, method="PUT")
    wait_for(lambda: "espresso" not in labels(), 30)
    site.send("/labels/n07920052/rules", {"silence": False, "merge_into": "hot drinks"}, method="PUT")
    wait_for(lambda: labels().get("hot drinks") is True, 30)
    assert site.api("/labels/rule:hot%20drinks/rules")["name"] == "hot drinks"
    assert site.send("/labels/n07920052/rules", {"thresold": 1}, 422, method="PUT")


@pytest.mark.slow
def test_what_the_config_file_says_of_a_label_is_not_changed_here(gallery: Tagger) -> None:
    config = gallery.home / "config.toml"
    config.write_text("[labels.thresholds]\nespresso = 0.7\n")
    with serving(gallery, TAGGER_CONFIG=str(config)) as site:
        rules = site.api("/labels/n07920052/rules")
        assert (rules["threshold"], rules["fixed"]) == (0.7, "config.toml")
        assert "Change them there" in site.send("/labels/n07920052/rules", {"silence": True}, 400, method="PUT")["cure"]
        site.send("/labels/n02124075/rules", {"threshold": 0.9}, method="PUT")
        assert site.api("/labels/n07920052/rules")["threshold"] == 0.7


def test_the_review_asks_what_is_nearest_to_its_threshold(site: Site) -> None:
    first = site.api("/review?limit=50")["questions"]
    assert len(first) > 5
    origins = set()
    for one in first:
        [label] = [x for x in site.api(f"/photos/{one['photo']['id']}")["labels"] if x["key"] == one["key"]]
        origins.add(label["origin"])
        # The model in the package shows from 0.35 on.
        assert label["origin"] not in ("model", "hierarchy") or 0.2 <= one["confidence"] <= 0.5
    assert {"model", "object", "word"} <= origins <= {"model", "hierarchy", "object", "word"}
    one = first[0]
    site.send(f"/photos/{one['photo']['id']}/corrections", {"confirm": [one["key"]]})
    other = first[1]
    left = site.api(f"/review?limit=50&skip={other['photo']['id']}:{quote(other['key'])}")["questions"]
    pairs = [(item["photo"]["id"], item["key"]) for item in left]
    assert (one["photo"]["id"], one["key"]) not in pairs
    assert (other["photo"]["id"], other["key"]) not in pairs
    of_one = site.api(f"/review?label={quote(other['key'])}")["questions"]
    assert {item["key"] for item in of_one} == {other["key"]}


def test_the_review_asks_first_of_what_was_taught(site: Site) -> None:
    some = "(path:cat OR path:coffee) -path:left -path:right -path:close"
    [told] = site.tagger.json("teach", "favourite", "--yes", some)
    assert len(told["to_look_at"]) > 2
    questions = [one for one in site.api("/review?limit=50")["questions"] if one["name"] == "favourite"]
    assert [one["photo"]["path"] for one in questions] == [one["path"] for one in told["to_look_at"]]
    key, (right, wrong, other) = quote(questions[0]["key"]), [one["photo"]["id"] for one in questions[:3]]
    # None of them has the label: an answer says all the same what they are.
    site.send(f"/photos/{right}/corrections", {"confirm": [questions[0]["key"]]})
    site.send(f"/photos/{wrong}/corrections", {"remove": [questions[0]["key"]]})
    left = [one["photo"]["id"] for one in site.api(f"/review?label={key}&skip={other}:{key}&limit=50")["questions"]]
    assert left == [one["photo"]["id"] for one in questions[3:]]
    assert site.tagger("taught", "again", "favourite", code=None).returncode in (0, 1)
    [model] = site.tagger.json("taught")[0]["models"]
    assert (model["yes"], model["no"]) == (told["yes"] + 1, 1)
    site.send(f"/photos/{wrong}/corrections", {"undo": [questions[0]["key"]]})
    assert "favourite" not in {one["name"] for one in site.api(f"/photos/{wrong}")["labels"]}


def test_failed_photos_can_be_tried_again(site: Site) -> None:
    [failed] = site.api("/failed")["failed"]
    assert failed["path"].endswith("broken.jpg")
    assert "truncated" in failed["reason"] or "damaged" in failed["reason"]
    assert "broken.jpg" in site.get("/failed").text
    assert site.send("/retry", {"photos": [failed["id"]]}) == {"queued": 1, "service": False}
    assert site.api("/failed")["failed"] == []
    assert site.tagger.json("status")["queued"] == 1


def test_the_status_is_told_and_streamed(reading: Site) -> None:
    status = reading.api("/status")
    by_command = reading.tagger.json("status")
    assert (status["photos"], status["labelled"], status["failed"]) == (COUNT, LABELLED, 1)
    assert status["photos"] == by_command["photos"]
    assert status["folders"][0]["path"].endswith("photos")
    answer = reading.get("/api/v1/events?once=true")
    assert answer.headers["content-type"].startswith("text/event-stream")
    kind, data = answer.text.strip().split("\n")
    assert kind == "event: status"
    assert json.loads(data.removeprefix("data: "))["photos"] == COUNT


@pytest.mark.slow
def test_a_damaged_library_is_said_on_every_page(gallery: Tagger) -> None:
    gallery.database.write_bytes(b"no database" * 1000)
    with serving(gallery) as site:
        for path in ("/", "/labels", "/status"):
            answer = site.get(path, {"Accept": "text/html"})
            assert answer.status == 503, path
            assert "is damaged" in answer.text, path


def test_before_there_is_a_library_the_page_says_what_to_do(bare: Tagger) -> None:
    with serving(bare) as site:
        page = site.get("/", {"Accept": "text/html"})
        assert page.status == 200
        assert "tagger backfill" in page.text
        assert "tagger model fetch" in page.text
        assert site.api("/search", 503)["cure"]
        assert site.get("/status", {"Accept": "text/html"}).status == 200
        for path in ("/labels", "/labels?view=tree", "/failed", "/review", "/albums", "/status"):
            answer = site.get(path, {"Accept": "text/html"})
            assert answer.status == 200, path
            assert "tagger backfill" in answer.text, path
        # And when there is one, it is there without a restart.
        photos = bare.home / "photos"
        photos.mkdir()
        Image.new("RGB", (20, 20)).save(photos / "a.png")
        bare("backfill", photos)
        # The page's status may be of a second ago.
        status = wait_for(lambda: (found := site.api("/status"))["labelled"] and found, 60)
        assert (status["photos"], status["labelled"]) == (1, 1)
        assert (status["model"]["labels"], status["model"]["wanted"]) == ("efficientnet_lite2", "resnet50")


@pytest.mark.slow
def test_what_is_not_labelled_yet_is_told_with_the_cure(bare: Tagger) -> None:
    photos = Path(__file__).parents[1] / "photos"
    # Demanded, and not there: nothing stands in for a light model that somebody asked for by name.
    bare.environ |= {"TAGGER_MODEL_NAME": "vgg16", "TAGGER_ENGINE_KIND": "light"}
    bare("backfill", photos, code=3)
    with serving(bare) as site:
        for path in ("/", "/?q=tiger"):
            page = site.get(path, {"Accept": "text/html"}).text
            assert "None of the 12 photos is labelled yet." in page
            assert "tagger model export vgg16" in page
            assert "Did you mean" not in page
        assert site.api("/status")["model"]["labels"] == ""


@pytest.mark.slow
def test_the_page_says_which_model_labels_and_which_is_wanted(bare: Tagger) -> None:
    photos = Path(__file__).parents[1] / "photos"
    bare("backfill", photos)
    with serving(bare) as site:
        model = site.api("/status")["model"]
        assert (model["labels"], model["wanted"]) == ("efficientnet_lite2", "resnet50")
        assert "tagger model fetch resnet50" in model["note"]
        assert "is labelled yet" not in site.get("/?q=unicorn", {"Accept": "text/html"}).text
        [found] = site.api("/search?q=cat")["photos"]
        assert site.api(f"/photos/{found['id']}")["model"]["architecture"] == "efficientnet_lite2"
        # A dropped photo is looked at by the model that labelled the library.
        assert site.api(f"/photos/{found['id']}/why")["model"]["architecture"] == "efficientnet_lite2"
