"""The gallery's page: tabs, chips, operators, months, stacks, and ways to the next clips."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from tchavi_studio.gallery.library import queries, tag_views
from tchavi_studio.gallery.library.address import Browse
from tchavi_studio.gallery.library.filter_menus import filter_menus, with_operators
from tchavi_studio.gallery.library.queries import library_for_viewer
from tchavi_studio.generations.library import pages
from tchavi_studio.generations.library.entries import recount_months
from tchavi_studio.generations.library.filters import Filters, Sort
from tchavi_studio.generations.models import Generation, State, Tag
from tchavi_studio.generations.organising.tags import tag_clips
from tchavi_studio.generations.visibility import Scope
from tchavi_studio.workspaces.models import Membership, User, Visibility, Workspace
from tests.gallery.conftest import HTMX, MakeClip, Url, cards_of, change, seconds_ago, text_of

Clips = Callable[..., Generation]
NEWEST, MARCH, JANUARY = timezone.now(), datetime(2026, 3, 10, 12, tzinfo=UTC), datetime(2025, 1, 31, 12, tzinfo=UTC)


def months_in(page: str) -> list[str]:
    """The headings, as read."""
    return [
        " ".join(re.sub("<[^>]+>", "", found).split())
        for found in re.findall(r'<h2 class="month"[^>]*>(.*?)</h2>', page)
    ]


# --- Filters ----------------------------------------------------------------------------------------------------------


def test_a_chip_shows_its_value_and_can_be_removed(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    make_clip(prompt="Dawn over the lagoon")
    make_clip(State.FAILED, prompt="Dawn in the city")
    page = text_of(alice_browser.get(url("gallery"), {"q": "dawn", "state": "done"}))
    assert re.findall(r'filter-chip is-on">([^<]+)<b>([^<]+)</b><a href="([^"]+)"', page) == [
        ("State: ", "Done", f"{url('gallery')}?q=dawn")
    ]
    assert 'id="matches">1 clip<' in page
    assert 'value="dawn"' in page
    # The form keeps the other filters.
    assert '<input type="hidden" name="state" value="done">' in page


def test_every_choice_of_a_menu_leads_to_its_page(membership: Membership) -> None:
    menus = {menu.name: menu for menu in filter_menus(membership=membership, browse=Browse())}
    assert list(menus) == [
        "model",
        "state",
        "ratio",
        "resolution",
        "days",
        "seconds",
        "sound",
        "references",
        "visibility",
        "stars",
        "tag",
        "favourite",
    ]
    assert [(choice.label, choice.query) for choice in menus["state"].choices] == [
        ("Running", "state=running"),
        ("Done", "state=done"),
        ("Failed", "state=failed"),
        ("Cancelled", "state=cancelled"),
    ]
    today = timezone.now().date()
    assert menus["days"].choices[0].query == f"from={today}&to={today}"
    chosen = Browse(filters=Filters(since=today, until=today, billed_seconds=5))
    values = {menu.name: menu.value for menu in filter_menus(membership=membership, browse=chosen) if menu.value}
    assert values == {"days": "Today", "seconds": "5 seconds"}


def test_rare_filters_stand_behind_more_filters_until_they_are_used(alice_browser: Client, url: Url) -> None:
    def shown(**query: str) -> tuple[list[str], str, list[str]]:
        """What stands beside "More filters", its own words, and what it has."""
        page = text_of(alice_browser.get(url("gallery"), query)).partition('class="filter-chips"')[2]
        chips, _more, panel = page.partition('<details class="menu end more-filters">')
        label, _end, panel = panel.partition("</summary>")
        words = " ".join(re.sub("<[^>]+>", "", label).split())
        names = r'class="(?:filter-chip(?: is-on)?)">([\w ]+)'
        return re.findall(names, chips), words, re.findall(names, panel.partition('class="matches"')[0])

    common = ["Model", "State", "Ratio", "Resolution", "Dates"]
    rare = ["Length", "Sound", "References", "Visibility", "Rating", "Tag", "Favourites"]
    assert shown() == (common, "More filters", rare)
    used = (["Length", "Sound"], ["References", "Visibility", "Rating", "Tag", "Favourites"])
    assert shown(sound="yes", seconds="5") == (common + used[0], "More filters 2", used[1])


def test_tags_are_read_when_their_menu_opens_or_on_their_page(
    alice_browser: Client, url: Url, make_clip: MakeClip, membership: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = text_of(alice_browser.get(url("gallery"), {"state": "done"}))
    address = f"{url('tag_list')}?state=done"
    assert f'<a class="item" href="{address}"><span>All tags</span></a>' in page
    assert f'hx-get="{address}"' in page
    for headers in (HTMX, {}):
        assert "No tags yet" in text_of(alice_browser.get(address, headers=headers))
    for name in ("Rushes", "Dawn"):
        tag_clips(membership=membership, generation_ids=[make_clip().pk], name=name)
    dawn, rushes = Tag.objects.order_by("name")
    links = [f"{url('gallery')}?state=done&amp;tag={tag.pk}" for tag in (dawn, rushes)]
    monkeypatch.setattr(tag_views, "MAX_OFFERED", 1)
    menu = text_of(alice_browser.get(address, headers=HTMX))
    assert re.findall(r'<a class="item" href="([^"]+)"', menu) == [links[0], address]
    whole = text_of(alice_browser.get(address))
    assert re.findall(r'<a class="filter-chip" href="([^"]+)">(\w+)', whole) == [
        (links[0], "Dawn"),
        (links[1], "Rushes"),
    ]


def test_creators_are_members_and_who_left(membership: Membership, bob: User, workspace: Workspace) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role="creator")
    browse = Browse(scope=Scope.WORKSPACE, filters=Filters(creator=999))
    creators = filter_menus(membership=membership, browse=browse)[0]
    assert [choice.label for choice in creators.choices] == ["Me", "Bob", "Somebody who left"]
    assert creators.value == "Somebody who left"
    in_mine = browse.in_scope(Scope.MINE)
    assert in_mine.filters == Filters()


@pytest.mark.parametrize(
    ("typed", "text", "filters"),
    [
        ("by:me dawn", "dawn", {"creator": "me"}),
        ("by:bo", "", {"creator": "bob"}),
        ("by:nobody", "by:nobody", {}),
        ("model:kling state:failed", "", {"model": "kling-v3", "outcome": "failed"}),
        ("is:running is:private", "", {"outcome": "open", "is_shared": False}),
        (
            "ratio:9:16 resolution:720 seconds:5s",
            "",
            {"aspect_ratio": "9:16", "resolution": "720p", "billed_seconds": 5},
        ),
        ("sound:no references:yes lagoon", "lagoon", {"has_sound": False, "has_references": True}),
        ("visibility:workspace", "", {"is_shared": True}),
        ("note:this model: seconds:99 sound:x", "note:this model: seconds:99 sound:x", {}),
    ],
)
def test_operators_become_filters(
    membership: Membership, bob: User, workspace: Workspace, typed: str, text: str, filters: dict[str, object]
) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role="creator")
    if "creator" in filters:
        filters = filters | {"creator": bob.pk if filters["creator"] == "bob" else membership.user_id}
    browse = with_operators(membership=membership, browse=Browse(filters=Filters(text=typed)))
    assert browse == Browse(filters=Filters(text=text, **filters))  # type: ignore[arg-type]


def test_a_typed_operator_is_in_the_address_afterwards(alice_browser: Client, url: Url) -> None:
    typed = {"q": "dawn state:done", "scope": "workspace"}
    address = f"{url('gallery')}?scope=workspace&q=dawn&state=done"
    answer = alice_browser.get(url("gallery"), typed)
    assert (answer.status_code, answer["Location"]) == (302, address)
    assert alice_browser.get(url("gallery"), typed, headers=HTMX)["HX-Push-Url"] == address


# --- Months -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def three_months(make_clip: MakeClip, workspace: Workspace) -> list[Generation]:
    """Two clips of this month, two of March 2026, one of January 2025; a page has two."""
    clips = [make_clip(created_at=NEWEST - timedelta(seconds=number)) for number in range(2)]
    clips += [make_clip(created_at=MARCH - timedelta(hours=number)) for number in range(2)]
    clips.append(make_clip(State.FAILED, created_at=JANUARY))
    recount_months(workspace=workspace)
    return clips


@pytest.mark.usefixtures("short_pages")
def test_months_have_headings_with_counts(
    alice_browser: Client, url: Url, three_months: list[Generation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE_LENGTH", 3)
    page = alice_browser.get(url("gallery")).content.decode()
    this_month = f"{NEWEST:%B %Y}"
    assert months_in(" ".join(page.split())) == [
        f"{this_month} 2 clips · 2,600 credits",
        "March 2026 2 clips · 2,600 credits",
    ]
    (more,) = re.findall(r'<a class="more" href="([^"]+)"', page)
    part = text_of(alice_browser.get(unescape(more), headers=HTMX))
    # March goes on, and has its heading already.
    assert months_in(part) == ["January 2025 1 clip · 0 credits"]
    assert cards_of(alice_browser.get(unescape(more), headers=HTMX)) == [str(clip.pk) for clip in three_months[3:]]
    filtered = text_of(alice_browser.get(url("gallery"), {"state": "done"}))
    assert months_in(filtered) == [this_month, "March 2026"]


@pytest.mark.usefixtures("short_pages")
def test_the_rail_leads_to_each_month(alice_browser: Client, url: Url, three_months: list[Generation]) -> None:
    page = text_of(alice_browser.get(url("gallery")))
    links = re.findall(r'<li class="([^"]+)"><a href="([^"]+)" data-month="([\d-]+)".*?<span>([^<]+)</span>', page)
    assert [(month, label) for _level, _link, month, label in links] == [
        (f"{NEWEST:%Y-%m}", f"{NEWEST:%b %Y}"),
        ("2026-03", "Mar"),
        ("2025-01", "Jan 2025"),
    ]
    assert [level.split()[0] for level, *_rest in links] == ["level-8", "level-8", "level-5"]
    march = alice_browser.get(unescape(links[1][1]))
    assert cards_of(march) == [str(three_months[2].pk), str(three_months[3].pk)]
    newer, top = re.findall(r'<a class="link" href="([^"]+)">', text_of(march).partition('class="back"')[2])[:2]
    assert cards_of(alice_browser.get(unescape(newer))) == [str(clip.pk) for clip in three_months[:2]]
    assert top == f"{url('gallery')}?"


def test_other_orders_have_neither(alice_browser: Client, url: Url, three_months: list[Generation]) -> None:
    page = text_of(alice_browser.get(url("gallery"), {"sort": "longest"}))
    assert (months_in(page), "data-month" in page, "data-newest-first" in page) == ([], False, False)


# --- Stacks -----------------------------------------------------------------------------------------------------------


def test_finished_takes_of_one_submission_lie_on_a_stack(
    membership: Membership, alice_browser: Client, url: Url, make_clip: MakeClip
) -> None:
    first = make_clip()
    takes = [make_clip() for _number in range(2)]
    for number, take in enumerate(takes, 1):
        change(take, submission_id=first.submission_id, variation=number)
    make_clip(State.PROCESSING)
    library = library_for_viewer(membership=membership, browse=Browse())
    sizes = [len(tile.takes) for section in library.sections for tile in section.tiles]
    assert sizes == [1, 3]
    page = text_of(alice_browser.get(url("gallery")))
    assert page.count("data-take ") == 3
    change(takes[1], state=State.FAILED)
    library = library_for_viewer(membership=membership, browse=Browse())
    assert [len(tile.takes) for section in library.sections for tile in section.tiles] == [1, 1, 1, 1]


@pytest.mark.usefixtures("short_pages")
def test_no_stack_is_torn_between_pages(membership: Membership, make_clip: MakeClip) -> None:
    older = make_clip(created_at=seconds_ago(60))
    first = make_clip(created_at=seconds_ago(50))
    for number in (1, 2, 3):
        change(make_clip(created_at=seconds_ago(50 - number)), submission_id=first.submission_id, variation=number)
    make_clip(created_at=seconds_ago(10))
    library = library_for_viewer(membership=membership, browse=Browse())
    assert [len(tile.takes) for section in library.sections for tile in section.tiles] == [1, 4]
    assert library.next_query.startswith("after=")
    part = queries.library_part_for_viewer(
        membership=membership, browse=Browse(), after=(int(library.next_query.removeprefix("after=")),)
    )
    assert [tile.card.clip.pk for section in part.sections for tile in section.tiles] == [older.pk]


# --- Searching further ------------------------------------------------------------------------------------------------


def test_a_stopped_search_says_how_far_it_got_and_goes_on(
    alice_browser: Client, url: Url, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        make_clip(created_at=NEWEST - timedelta(seconds=number))
        make_clip(State.FAILED, aspect_ratio="1:1", created_at=MARCH - timedelta(seconds=number))
    wanted = make_clip(aspect_ratio="1:1", created_at=JANUARY)
    query = {"state": "done", "ratio": "1:1"}
    assert cards_of(alice_browser.get(url("gallery"), query)) == [str(wanted.pk)]
    monkeypatch.setattr(pages, "MAX_EXAMINED", 1)
    stopped = alice_browser.get(url("gallery"), query)
    assert cards_of(stopped) == []
    page = text_of(stopped)
    assert "Searched back to March 2026." in page
    assert "No clip matches so far" in page
    assert 'id="matches">at least 0 clips<' in page
    (further,) = re.findall(r'<a class="btn quiet small" href="([^"]+)" hx-get', page)
    part = alice_browser.get(unescape(further), headers=HTMX)
    assert cards_of(part) == [str(wanted.pk)]
    assert "Searched back to" not in text_of(part)


@pytest.mark.parametrize("sort", list(Sort))
def test_every_order_is_offered(alice_browser: Client, url: Url, make_clip: MakeClip, sort: Sort) -> None:
    make_clip(visibility=Visibility.WORKSPACE)
    page = text_of(alice_browser.get(url("gallery"), {"sort": sort.value, "scope": "workspace"}))
    _before, _summary, menu = page.partition('<details class="menu end sort">')
    choices = re.findall(
        r'<a class="item" href="[^"]*"[^>]*?( aria-current="true")?><span>([^<]+)', menu.partition("</details>")[0]
    )
    labels = ["Newest first", "Oldest first", "Longest first", "Most expensive first", "Best rated first"]
    assert [label for _current, label in choices] == labels
    assert [bool(current) for current, _label in choices] == [one == sort for one in Sort]


def test_the_list_as_a_table(
    alice_browser: Client, url: Url, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tchavi_studio.gallery.library.queries.PAGE_LENGTH", 2)
    clips = [make_clip(prompt=f"Boat {number}") for number in range(3)]
    cards = text_of(alice_browser.get(url("gallery") + "?q=boat"))
    assert f'href="{url("gallery")}?q=boat&amp;view=list"' in cards
    page = text_of(alice_browser.get(url("gallery") + "?q=boat&view=list"))
    assert f'href="{url("gallery")}?q=boat"' in page
    assert re.findall(r'<tr id="clip-([^"]+)"', page) == [str(clips[2].pk), str(clips[1].pk)]
    row = re.sub(r"<[^>]+>", " ", page.partition('<tbody id="clips" data-newest-first>')[2].partition("</tr>")[0])
    assert "Boat 2 Alice Seedance 2 5 s 1,300 Done" in " ".join(row.split())
    assert f'name="clips" value="{clips[2].pk}"' in page
    assert f"{url('clip', clips[2])}?in=q%3Dboat%26view%3Dlist" in page
    following = f"?q=boat&view=list&after={clips[1].entry.key}"
    assert following.replace("&", "&amp;") in page
    part = text_of(alice_browser.get(url("gallery") + following, headers=HTMX))
    assert re.findall(r'<tr id="clip-([^"]+)"', part) == [str(clips[0].pk)]
    assert "<table" not in part
