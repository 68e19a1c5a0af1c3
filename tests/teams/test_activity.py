"""The activity of a workspace: what is written, the page with its filters, and the files."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.accounting.services import add_play_credits, grant_by_admin
from tchavi_studio.api.services import create_key, revoke_key
from tchavi_studio.teams.activity import queries
from tchavi_studio.teams.activity.queries import Filter, activity_of, activity_page, all_of
from tchavi_studio.teams.activity.sentences import marked_sentence_of, sentence_of
from tchavi_studio.webhooks import services as webhooks
from tchavi_studio.webhooks.models import DisabledReason, Event
from tchavi_studio.workspaces.activity import Kind, record_activity
from tchavi_studio.workspaces.models import ActivityRow, Membership, Role, User, Workspace
from tests.plans import listed_by_index

PAGE = "/w/alices-studio/team/activity/"

DETAILS: dict[str, Any] = {
    Kind.WORKSPACE_CREATED: {"name": "Lagune"},
    Kind.WORKSPACE_RENAMED: {"old": "Lagune", "new": "Lagune Films", "old_slug": "lagune", "new_slug": "lagune-films"},
    Kind.OWNERSHIP_HANDED_OVER: {"role": "creator"},
    Kind.SETTINGS_CHANGED: {"setting": "bin_days", "old": None, "new": 7},
    Kind.MEMBER_INVITED: {"role": "viewer", "by_mail": False},
    Kind.INVITATION_RESENT: {"role": "viewer", "by_mail": True},
    Kind.INVITATION_WITHDRAWN: {"role": "viewer", "by_mail": True},
    Kind.MEMBER_JOINED: {"role": "creator"},
    Kind.MEMBER_LEFT: {"role": "creator"},
    Kind.MEMBER_REMOVED: {"role": "auditor"},
    Kind.ROLE_CHANGED: {"old_role": "viewer", "role": "creator"},
    Kind.BUDGET_CHANGED: {"old_credits": None, "new_credits": 60_000},
    Kind.APPROVAL_ASKED: {"price_credits": 1_300, "clip_count": 1},
    Kind.APPROVAL_GIVEN: {"price_credits": 1_300, "clip_count": 1},
    Kind.APPROVAL_DECLINED: {"price_credits": 1, "clip_count": 1},
    Kind.CREDITS_GRANTED: {"amount_credits": 200_000, "reason": "Order 188"},
    Kind.CREDITS_EXPORTED: {"what": "statement", "format": "csv", "row": 2_418},
    Kind.KEY_CREATED: {"name": "Nightly <b>", "is_test": False},
    Kind.KEY_CHANGED: {"name": "Nightly"},
    Kind.KEY_REVOKED: {"name": "Nightly"},
    Kind.WEBHOOK_CREATED: {"host": "example.org"},
    Kind.WEBHOOK_CHANGED: {"host": "example.org"},
    Kind.WEBHOOK_DELETED: {"host": "example.org"},
    Kind.NEW_DEVICE: {"device": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
    Kind.PERSON_BLOCKED: {"reason": "Spam"},
    Kind.SESSIONS_ENDED: {"count": 2},
    Kind.TWO_FACTOR_RESET: {"reason": "Lost phone"},
    Kind.SITE_ROLE_CHANGED: {"new_admin": False, "new_auditor": True},
}  # fmt: skip


def row_of(kind: Kind, *, actor: User | None, subject: User | None, details: dict[str, Any]) -> ActivityRow:
    return ActivityRow(kind=kind, actor=actor, subject=subject, details=details)


# --- Sentences --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_sentence(alice: User, bob: User, kind: Kind, language: str) -> None:
    for actor, subject in ((alice, bob), (alice, alice), (None, None)):
        row = row_of(kind, actor=actor, subject=subject, details=DETAILS.get(kind, {}))
        with translation.override(language):
            plain, marked = sentence_of(row), marked_sentence_of(row)
        name = "Alice" if actor else {"en": "The studio", "fr": "Le studio"}[language]
        assert plain.startswith(name)
        assert marked.startswith(f"<b>{name}</b>")
        assert "%(" not in plain


def test_what_some_of_them_say(alice: User, bob: User) -> None:
    def said(kind: Kind, subject: User | None = None, details: dict[str, Any] | None = None) -> str:
        return sentence_of(row_of(kind, actor=alice, subject=subject, details=details or DETAILS.get(kind, {})))

    assert said(Kind.ROLE_CHANGED, bob) == "Alice changed the role of Bob from Viewer to Creator"
    assert said(Kind.BUDGET_CHANGED, bob) == "Alice changed the budget of Bob from no limit to 60,000 credits"
    assert said(Kind.BUDGET_CHANGED, alice) == "Alice changed their own budget from no limit to 60,000 credits"
    assert said(Kind.CLIP_DELETED, bob) == "Alice moved a clip of Bob to the bin"
    assert said(Kind.CLIP_DELETED, alice) == "Alice moved a clip to the bin"
    assert said(Kind.POSTER_CHOSEN, bob) == "Alice chose another poster for a clip of Bob"
    assert said(Kind.APPROVAL_DECLINED, bob) == "Alice declined 1 credit for Bob"
    assert said(Kind.NEW_DEVICE) == "Alice signed in on a new device: Firefox, Linux"
    settings: list[tuple[dict[str, Any], str]] = [
        ({"setting": "bin_days", "old": None, "new": 1},
         "how long the bin keeps clips from the studio's setting to 1 day"),
        ({"setting": "allowed_models", "old": [], "new": ["kling-v3"]}, "the allowed models from all to Kling v3"),
        ({"setting": "default_visibility", "old": "workspace", "new": "private"},
         "who sees new clips from Workspace to Private"),
        ({"setting": "time_zone", "old": "UTC", "new": "Africa/Abidjan"}, "the time zone from UTC to Africa/Abidjan"),
    ]  # fmt: skip
    for details, text in settings:
        assert said(Kind.SETTINGS_CHANGED, details=details) == f"Alice changed {text}"
    address = {"old": "Lagune", "new": "Lagune", "old_slug": "lagune", "new_slug": "lagune-films"}
    assert said(Kind.WORKSPACE_RENAMED, details=address) == "Alice renamed the workspace from lagune to lagune-films"


def test_what_people_wrote_is_escaped(alice: User) -> None:
    row = row_of(Kind.KEY_CREATED, actor=alice, subject=alice, details=DETAILS[Kind.KEY_CREATED])
    assert marked_sentence_of(row) == "<b>Alice</b> made the API key Nightly &lt;b&gt;"
    assert sentence_of(row) == "Alice made the API key Nightly <b>"


# --- What is written --------------------------------------------------------------------------------------------------


def written(workspace: Workspace) -> list[tuple[str, str | None, dict[str, Any]]]:
    rows = activity_of(workspace).order_by("sequence")
    return [(row.kind, row.actor.name if row.actor else None, row.details) for row in rows]


def test_keys_webhooks_and_grants(alice: User, workspace: Workspace) -> None:
    key = create_key(workspace=workspace, user=alice, name="Nightly").row
    for _twice in range(2):
        revoke_key(key=key, actor=alice)
    secret_url = "https://hooks.example.org/T0/secret?token=1"
    endpoint = webhooks.create_endpoint(workspace=workspace, creator=alice, url=secret_url, events=[Event.JOB_FAILED])
    webhooks.edit_endpoint(endpoint=endpoint, url=secret_url, events=[Event.JOB_COMPLETED], actor=alice)
    webhooks.rotate_secret(endpoint=endpoint, actor=alice)
    for _twice in range(2):
        webhooks.disable_endpoint(endpoint=endpoint, reason=DisabledReason.FAILING)
    webhooks.enable_endpoint(endpoint=endpoint, actor=alice)
    webhooks.delete_endpoint(endpoint=endpoint, actor=alice)
    add_play_credits(workspace=workspace, actor=alice)
    grant_by_admin(workspace=workspace, amount_credits=500, reason="Order 188", admin=alice)
    host = {"host": "hooks.example.org"}
    assert written(workspace) == [
        ("key.created", "Alice", {"name": "Nightly", "is_test": False}),
        ("key.revoked", "Alice", {"name": "Nightly", "is_test": False}),
        ("webhook.created", "Alice", host),
        ("webhook.changed", "Alice", host),
        ("webhook.changed", "Alice", host),
        ("webhook.changed", None, host),
        ("webhook.changed", "Alice", host),
        ("webhook.deleted", "Alice", host),
        ("credits.granted", "Alice", {"amount_credits": 10_000}),
        ("credits.granted", "Alice", {"amount_credits": 500, "reason": "Order 188"}),
    ]


# --- The page ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def filled(workspace: Workspace, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch) -> list[ActivityRow]:
    """Twelve rows, in turns by Alice and Bob, of three kinds, one a day from 1 November on."""
    rows = []
    for number in range(12):
        moment = datetime(2026, 11, 1, 12, tzinfo=UTC) + timedelta(days=number)
        monkeypatch.setattr("tchavi_studio.workspaces.activity.timezone.now", lambda moment=moment: moment)
        kind = [Kind.CLIP_SHARED, Kind.BIN_EMPTIED, Kind.MEMBER_LEFT][number % 3]
        rows.append(record_activity(workspace=workspace, kind=kind, actor=[alice, bob][number % 2], reference=uuid4()))
    monkeypatch.undo()
    return rows


@pytest.mark.parametrize(
    ("wanted", "days"),
    [
        ({}, range(1, 13)),
        ({"kind": "clip.shared"}, [1, 4, 7, 10]),
        ({"actor_id": "alice"}, [1, 3, 5, 7, 9, 11]),
        ({"actor_id": "alice", "kind": "clip.shared"}, [1, 7]),
        ({"since": 3, "until": 5}, [3, 4, 5]),
        ({"actor_id": "alice", "since": 3, "until": 5}, [3, 5]),
        ({"kind": "clip.shared", "since": 2}, [4, 7, 10]),
        ({"actor_id": "alice", "kind": "clip.shared", "until": 6}, [1]),
        ({"since": 13}, []),
    ],
)
def test_filters_are_ranges_of_an_index(
    filled: list[ActivityRow], workspace: Workspace, alice: User, wanted: dict[str, Any], days: list[int]
) -> None:
    asked: dict[str, Any] = {
        name: datetime(2026, 11, day).date() if isinstance(day, int) else day for name, day in wanted.items()
    }
    if "actor_id" in asked:
        asked["actor_id"] = alice.pk
    found: list[int] = []
    before = None
    with listed_by_index(ActivityRow):
        while True:
            rows, before = activity_page(activity_of(workspace, Filter(**asked)), before=before, length=2)
            found += [row.created_at.day for row in rows]
            if before is None:
                break
    assert found == sorted(days, reverse=True)


def test_days_are_the_workspaces(filled: list[ActivityRow], workspace: Workspace) -> None:
    workspace.time_zone = "Pacific/Kiritimati"  # 14 hours ahead: noon of the 3rd is the 4th there.
    day = datetime(2026, 11, 4).date()
    assert list(activity_of(workspace, Filter(since=day, until=day))) == [filled[2]]


def test_the_page_keeps_its_filters(
    filled: list[ActivityRow], alice_browser: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "ROWS_PER_PAGE", 2)
    page = alice_browser.get(PAGE, {"person": str(alice.pk), "since": "2026-11-02"}).content.decode()
    assert page.count('<li class="act">') == 2
    query = f"person={alice.pk}&amp;since=2026-11-02"
    assert f'rel="next" href="?{query}&amp;before={filled[8].sequence}"' in page
    assert f'href="{PAGE}export.csv?{query}"' in page
    older = alice_browser.get(PAGE, {"person": str(alice.pk), "since": "2026-11-02", "before": str(filled[8].sequence)})
    assert older.content.decode().count('<li class="act">') == 2
    assert "Nothing matches these filters." in alice_browser.get(PAGE, {"kind": "key.created"}).content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_query_count_is_constant(
    alice_browser: Client, alice: User, workspace: Workspace, django_assert_num_queries: DjangoAssertNumQueries,
    count: int,
) -> None:  # fmt: skip
    for _number in range(count):
        record_activity(workspace=workspace, kind=Kind.CLIP_SHARED, actor=alice, subject=alice, reference=uuid4())
    alice_browser.get(PAGE)
    with django_assert_num_queries(10):
        assert alice_browser.get(PAGE).content.decode().count('<li class="act">') == count


@pytest.mark.parametrize("query", ["before=0", "person=x", "kind=gift", "since=yesterday", "before=" + "9" * 30])
def test_odd_queries_are_refused(alice_browser: Client, query: str) -> None:
    alice_browser.raise_request_exception = False
    assert alice_browser.get(f"{PAGE}?{query}").status_code == 400


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("admin", 200), ("auditor", 200), ("creator", 403), ("viewer", 403)]
)
def test_who_reads_it(alice_browser: Client, workspace: Workspace, alice: User, role: str, status: int) -> None:
    Membership.objects.filter(user=alice).update(role=role)
    for path in (PAGE, f"{PAGE}export.csv", f"{PAGE}export.jsonl"):
        response = alice_browser.get(path)
        b"".join(response)
        assert response.status_code == status


# --- Files ------------------------------------------------------------------------------------------------------------


def test_csv_for_spreadsheets(alice_browser: Client, alice: User, workspace: Workspace) -> None:
    alice.name = '=HYPERLINK("http://example.org")'
    alice.save()
    record_activity(workspace=workspace, kind=Kind.BIN_EMPTIED, actor=alice)
    response = alice_browser.get(f"{PAGE}export.csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="alices-studio-activity-' in response["Content-Disposition"]
    [row] = csv.DictReader(io.StringIO(b"".join(response).decode()))
    assert row["actor"] == '\'=HYPERLINK("http://example.org")'
    assert row["sentence"].startswith("'=HYPERLINK")
    assert row["hash"] == ActivityRow.objects.get().hash


def test_json_lines_in_the_readers_language(
    filled: list[ActivityRow], alice_browser: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "ROWS_PER_READ", 5)
    query = f"{PAGE}export.jsonl?kind=clip.shared&person={alice.pk}"
    response = alice_browser.get(query, headers={"Accept-Language": "fr"})
    lines = [json.loads(line) for line in b"".join(response).splitlines()]
    assert [line["sequence"] for line in lines] == [filled[6].sequence, filled[0].sequence]
    assert lines[0]["sentence"] == "Alice a partagé un clip avec l'espace de travail"
    assert lines[0]["details"] == {}


def test_all_of_a_long_list_is_read_in_pages(
    filled: list[ActivityRow], workspace: Workspace, monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    monkeypatch.setattr(queries, "ROWS_PER_READ", 5)
    with django_assert_num_queries(3):
        assert list(all_of(activity_of(workspace))) == filled[::-1]


def test_one_download_at_a_time(filled: list[ActivityRow], alice_browser: Client) -> None:
    under_way = alice_browser.get(f"{PAGE}export.csv")
    next(iter(under_way))
    refused = alice_browser.get(f"{PAGE}export.csv", follow=True)
    assert "You are already downloading something." in refused.content.decode()
    b"".join(under_way)
    assert b"".join(alice_browser.get(f"{PAGE}export.csv")).count(b"\n") == 13


def test_the_team_page_shows_the_latest(filled: list[ActivityRow], alice_browser: Client, bob: User) -> None:
    page = alice_browser.get("/w/alices-studio/team/").content.decode()
    assert page.count('<li class="act">') == 6
    assert f'href="{PAGE}"' in page
    workspace = Workspace.objects.get(slug="alices-studio")
    Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    browser = Client()
    browser.force_login(bob)
    assert '<li class="act">' not in browser.get("/w/alices-studio/team/").content.decode()
