"""What open pages ask for: the bell, and what is new to them; and the script that shows it."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.notices.models import Notice, NoticeKind
from tchavi_studio.notices.queries import MAX_NEWS
from tchavi_studio.notices.services import mark_seen, set_preference
from tchavi_studio.workspaces.models import Membership, Session, User, Workspace
from tests.notices.telling import tell
from tests.plans import listed_by_index

NEWS = "/notices/news/"


def asked(client: Client, after: int = 0, count: str = "") -> dict[str, Any] | None:
    """The answer to a page that knows so much; None if there is nothing new."""
    response = client.get(NEWS, {"after": str(after), "count": count})
    if response.status_code == 204:
        return None
    found: dict[str, Any] = json.loads(response.content)
    return found


def test_a_page_hears_once_of_what_is_new(alice_browser: Client, alice: User, workspace: Workspace) -> None:
    assert asked(alice_browser) is None
    tell(alice, NoticeKind.LOW_BALANCE, workspace=workspace)
    notice = Notice.objects.get()
    answer = asked(alice_browser)
    assert answer is not None
    assert answer["latest"] == notice.pk
    assert re.search(r'data-count="1"', answer["bell"])
    [news] = answer["news"]
    assert (news["id"], news["url"]) == (notice.pk, f"/notices/{notice.pk}/")
    assert news["title"] == "Credits are running low in Alice's studio"
    assert asked(alice_browser, after=notice.pk, count="1") is None
    mark_seen(user=alice)
    seen = asked(alice_browser, after=notice.pk, count="1")
    assert seen is not None
    assert (seen["news"], 'data-count=""' in seen["bell"]) == ([], True)


def test_a_long_absence_is_told_in_short(alice_browser: Client, alice: User, workspace: Workspace) -> None:
    for _number in range(MAX_NEWS + 2):
        tell(alice, NoticeKind.LOW_BALANCE, workspace=workspace)
    answer = asked(alice_browser)
    assert answer is not None
    latest = list(Notice.objects.order_by("id").values_list("pk", flat=True))[-MAX_NEWS:]
    assert [each["id"] for each in answer["news"]] == latest


def test_only_the_viewers_and_what_they_want_in_the_page(alice_browser: Client, alice: User, bob: User) -> None:
    set_preference(user=alice, kind=NoticeKind.INVITATION, in_page=False, mail=True)
    tell(bob, NoticeKind.INVITATION)
    tell(alice, NoticeKind.INVITATION)
    assert asked(alice_browser) is None


def test_whoever_is_in_no_workspace_has_a_bell(alice_browser: Client, alice: User, workspace: Workspace) -> None:
    Membership.objects.all().delete()
    tell(alice, NoticeKind.INVITATION)
    assert 'data-count="1"' in alice_browser.get("/").content.decode()
    assert asked(alice_browser) is not None


def test_an_idle_page_costs_three_statements_and_is_no_use(
    alice_browser: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    an_hour_ago = timezone.now() - timedelta(hours=1)
    Session.objects.update(seen_at=an_hour_ago)
    with listed_by_index(Notice), django_assert_num_queries(3):  # the session, the user, the bell
        assert asked(alice_browser) is None
    assert Session.objects.get().seen_at == an_hour_ago, "whoever only has a page open is away"


def test_signed_out_there_is_nothing_to_tell(client: Client) -> None:
    assert asked(client) is None


@pytest.mark.parametrize("query", ["", "after=-1", "after=x", "after=" + "9" * 40, "after=1&count=" + "9" * 11])
def test_odd_questions_are_refused(alice_browser: Client, query: str) -> None:
    alice_browser.raise_request_exception = False
    assert alice_browser.get(f"{NEWS}?{query}").status_code == 400


def test_the_worker_is_a_script_for_the_whole_site(client: Client) -> None:
    response = client.get("/service-worker.js")
    assert response["Content-Type"] == "text/javascript; charset=utf-8"
    assert b"notificationclick" in response.content
    assert b"fetch" not in response.content
