"""Addresses of gallery pages."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tchavi_studio.gallery.library.address import NAMES, Browse, read_browse
from tchavi_studio.generations.library.filters import Filters, Sort
from tchavi_studio.generations.visibility import Scope

EVERYTHING = Filters(
    text="over the -rain",
    creator=7,
    model="kling-v3",
    outcome="done",
    aspect_ratio="16:9",
    resolution="720p",
    billed_seconds=5,
    has_sound=True,
    has_references=False,
    is_shared=True,
    since=date(2026, 1, 2),
    until=date(2026, 3, 4),
    stars=4,
    tag=8,
    collection=9,
    is_favourite=True,
)


def read(**query: str) -> Browse:
    return read_browse(query, user_id=3)


def test_an_address_has_every_filter_by_a_name_of_its_own() -> None:
    browse = Browse(scope=Scope.WORKSPACE, filters=EVERYTHING, sort=Sort.LONGEST)
    assert browse.query == (
        "scope=workspace&q=over+the+-rain&by=7&model=kling-v3&state=done&ratio=16%3A9&resolution=720p&seconds=5"
        "&sound=yes&references=no&visibility=workspace&from=2026-01-02&to=2026-03-04"
        "&stars=4&tag=8&collection=9&favourite=yes&sort=longest"
    )
    assert read(**browse.parameters) == browse
    assert set(browse.active) == set(NAMES)


def test_what_is_as_usual_is_not_in_the_address() -> None:
    assert (Browse().query, Browse().active, Browse().is_filtered) == ("", [], False)


@pytest.mark.parametrize(
    ("query", "filters"),
    [
        ({"by": "me"}, Filters(creator=3)),
        ({"show": "failed"}, Filters(outcome="failed")),
        ({"state": "running", "show": "failed"}, Filters(outcome="open")),
        ({"state": "made up", "model": "x", "ratio": "1", "resolution": "8k", "by": "x"}, Filters()),
        ({"seconds": "99", "sound": "1", "from": "2026-13-01", "to": "yesterday"}, Filters()),
        ({"seconds": "²", "by": "9" * 30, "from": "0001-01-01", "scope": "all", "sort": "x"}, Filters()),
        ({"q": "  a\0 \n b "}, Filters(text="a b")),
        ({"stars": "6", "tag": "x", "collection": "9" * 20, "favourite": "no"}, Filters()),
        ({"stars": "0"}, Filters()),
    ],
    ids=str,
)
def test_what_an_address_cannot_mean_is_left_out(query: dict[str, str], filters: Filters) -> None:
    assert read(**query) == Browse(filters=filters)


@given(st.dictionaries(st.sampled_from([*NAMES.values(), "scope", "sort", "show"]), st.text(max_size=30)))
def test_any_address_opens_and_is_stable(query: dict[str, str]) -> None:
    browse = read(**query)
    assert read(**browse.parameters) == browse


def test_filters_are_dropped_one_by_one() -> None:
    browse = Browse(filters=EVERYTHING)
    values: dict[str, Any] = {"since": None, "until": None}
    assert browse.without("since", "until") == browse.having(**values)
    assert browse.without(*browse.active) == Browse()
