"""The site's page of prices: who sees it, and how a new version is written."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from tchavi_studio.generations.models import PriceVersion
from tchavi_studio.generations.price_list import published_prices
from tchavi_studio.generations.price_versions.history import VERSIONS_PER_PAGE
from tchavi_studio.generations.price_versions.queries import LEAD
from tchavi_studio.generations.price_versions.services import write_version
from tchavi_studio.workspaces.models import User
from tests.plans import listed_by_index

FILLED = {
    "seedance-2.480p": "300",
    "seedance-2.720p": "580",
    "seedance-2.audio_surcharge": "0",
    "kling-v3.480p": "260",
    "kling-v3.720p": "1,000",
    "kling-v3.audio_surcharge": "40",
    "valid_from": "",
    "reason": "The provider charges more",
    "seen_number": "1",
}


def text_of(response: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def write(
    author: User, overrides: dict[str, dict[str, int]] | None = None, *, valid_in: timedelta | None = None
) -> PriceVersion:
    return write_version(
        prices=published_prices(overrides),
        valid_from=timezone.now() + valid_in if valid_in else None,
        reason="Because",
        author=author,
        seen_number=PriceVersion.objects.count(),
    )


# --- The list ---------------------------------------------------------------------------------------------------------


def standings(response: Any) -> list[tuple[int, str]]:
    return [(row.version.number, row.standing) for row in response.context["rows"]]


def test_the_list_has_what_is_in_force_scheduled_and_replaced(alice_browser: Client, alice: User) -> None:
    write(alice)
    write(alice, valid_in=timedelta(days=2))
    write(alice, {"kling-v3": {"480p": 300}}, valid_in=timedelta(days=1))
    with time_machine.travel(timezone.now() + LEAD + timedelta(seconds=1)):
        page = alice_browser.get("/site/prices/")
    assert standings(page) == [(4, "scheduled"), (3, "replaced"), (2, "in force"), (1, "past")]
    assert "In force: version 2 New version" in text_of(page)
    assert "Kling v3 · 480p 260 → 300 +15.4%" in text_of(page)
    assert "The published prices, with what STUDIO_PRICES said then" in text_of(page)
    with time_machine.travel(timezone.now() + timedelta(days=3)):
        later = alice_browser.get("/site/prices/")
    assert standings(later) == [(4, "in force"), (3, "replaced"), (2, "past"), (1, "past")]


def test_site_auditors_may_read_it_but_not_write(alice: User, bob: User, client: Client) -> None:
    User.objects.filter(pk=bob.pk).update(is_site_auditor=True)
    client.force_login(bob)
    page = client.get("/site/prices/")
    assert (page.status_code, "New version" in text_of(page)) == (200, False)
    assert client.post("/site/prices/", FILLED).status_code == 405
    assert client.post("/site/prices/new/", {**FILLED, "confirm": "1"}).status_code == 404
    assert PriceVersion.objects.count() == 1


def test_pages_have_no_gaps_and_know_what_the_page_before_replaced(
    alice_browser: Client, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(10):
        alice_browser.get("/site/prices/")
    now = timezone.now()
    PriceVersion.objects.bulk_create(
        PriceVersion(
            number=number,
            # The first version of the second page would have come after the last one of the first page.
            valid_from=now - timedelta(days=50 - number, minutes=-2000 if number == 5 else 0),
            prices=published_prices(),
            reason="Because",
            author=alice,
            created_at=now - timedelta(days=60),
        )
        for number in range(2, VERSIONS_PER_PAGE + 6)
    )
    with listed_by_index(PriceVersion), django_assert_num_queries(10):
        first = alice_browser.get("/site/prices/")
    assert 'rel="next" href="?before=6"' in first.content.decode()
    with listed_by_index(PriceVersion), django_assert_num_queries(11):
        second = alice_browser.get("/site/prices/?before=6")
    # The migration wrote the first version just now, after what these pretend to be.
    assert standings(second)[:-1] == [(5, "replaced"), (4, "past"), (3, "past"), (2, "past")]
    assert 'rel="next"' not in second.content.decode()
    assert alice_browser.get("/site/prices/?before=x").status_code == 400


def test_a_setting_in_vain_is_named(alice_browser: Client, settings: Settings) -> None:
    settings.STUDIO_PRICES = {"kling-v3": {"720p": 600}}
    assert "STUDIO_PRICES differs from the prices in force (kling-v3.720p) and changes nothing." in text_of(
        alice_browser.get("/site/prices/")
    )


# --- A new version ----------------------------------------------------------------------------------------------------


def test_a_version_is_shown_with_its_effect_before_it_is_written(alice_browser: Client, alice: User) -> None:
    form = alice_browser.get("/site/prices/new/")
    assert 'name="seedance-2.480p" value="260"' in form.content.decode()
    shown = alice_browser.post("/site/prices/new/", FILLED)
    assert PriceVersion.objects.count() == 1
    said = text_of(shown)
    for words in (
        "Seedance 2 · 480p 260 300 +15.4%",
        "Kling v3 · 720p 580 1,000 +72.4%",
        "Kling v3 · soundtrack 0 40",
        "In force in 2 minutes",
        "No clip was charged in the last 30 days.",
    ):
        assert words in said
    sent = dict(re.findall(r'<input type="hidden" name="([^"]+)"(?: value="([^"]*)")?', shown.content.decode()))
    del sent["csrfmiddlewaretoken"]
    assert sent == {**FILLED, "next": "/site/prices/new/"}
    edited = alice_browser.post("/site/prices/new/", {**sent, "change": "1"})
    assert 'name="kling-v3.720p" value="1,000"' in edited.content.decode()
    done = alice_browser.post("/site/prices/new/", {**sent, "confirm": "1"}, follow=True)
    assert "Version 2 is written." in text_of(done)
    written = PriceVersion.objects.get(number=2)
    assert (written.author, written.reason) == (alice, "The provider charges more")
    assert written.prices == published_prices(
        {"seedance-2": {"480p": 300}, "kling-v3": {"720p": 1_000, "audio_surcharge": 40}}
    )
    activity = text_of(alice_browser.get("/site/activity/"))
    assert "Alice wrote version 2 of the prices The provider charges more" in activity


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"reason": " "}, "This field is required."),
        ({"kling-v3.480p": "-1"}, "greater than or equal to 0"),
        ({"kling-v3.480p": "1000001"}, "less than or equal to 1000000"),
        ({"kling-v3.480p": "2.5"}, "Enter a whole number."),
        ({"valid_from": "2020-01-01T00:00"}, "New prices need 2 minutes to reach the whole studio."),
    ],
)
@pytest.mark.parametrize("press", ["", "confirm"])
def test_what_is_wrong_is_said_and_nothing_written(
    alice_browser: Client, changes: dict[str, str], problem: str, press: str
) -> None:
    refused = alice_browser.post("/site/prices/new/", {**FILLED, **changes, press: "1"})
    assert refused.status_code == 422
    assert problem in text_of(refused)
    assert PriceVersion.objects.count() == 1


def test_of_two_admins_the_second_sees_the_firsts_version_before_confirming_again(
    alice_browser: Client, alice: User
) -> None:
    write(alice, {"seedance-2": {"480p": 270}})
    refused = alice_browser.post("/site/prices/new/", {**FILLED, "confirm": "1"})
    assert refused.status_code == 409
    assert "Version 2 was written meanwhile, so yours wasn't." in text_of(refused)
    assert 'name="seen_number" value="2"' in refused.content.decode()
    # Hers would come into force at the same moment as the other one, or a little later.
    assert "Seedance 2 · 480p 270 300 +11.1%" in text_of(refused)
    assert alice_browser.post("/site/prices/new/", {**FILLED, "seen_number": "2", "confirm": "1"}).status_code == 302
    assert PriceVersion.objects.count() == 3


def test_a_scheduled_version_that_would_be_replaced_is_named(alice_browser: Client, alice: User) -> None:
    write(alice, valid_in=timedelta(days=1))
    write(alice, valid_in=timedelta(days=9))
    soon = (timezone.now() + timedelta(days=5)).strftime("%Y-%m-%dT%H:%M")
    shown = text_of(alice_browser.post("/site/prices/new/", {**FILLED, "valid_from": soon, "seen_number": "3"}))
    assert re.findall(r"Version (\d), scheduled from .*?, would never be in force", shown) == ["3"]
    assert "Credits per second Version 2 Version 4" in shown
