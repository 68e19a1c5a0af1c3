"""The keys page: who may create and revoke which keys, and that a key is shown only once."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone
from time_machine import TimeMachineFixture

from tchavi_studio.api import services
from tchavi_studio.api.models import ApiKey, Scope
from tchavi_studio.api.queries import key_by_text
from tchavi_studio.api.services import create_key
from tchavi_studio.generations.lifecycle import fail_generation
from tchavi_studio.generations.models import Generation, KeyUse
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tests.api.conftest import Answer, Program
from tests.conftest import PASSWORD
from tests.plans import listed_by_index

KEY = re.compile(r"<code>(sk-tch_(?:test_)?[0-9a-f]{12}[\w-]{43})</code>")


def path_of(workspace: Workspace, path: str = "") -> str:
    return f"/w/{workspace.slug}/developers/{path}"


def submit(browser: Client, workspace: Workspace, **changes: str) -> Answer:
    """Submit the "Create a key" form, having just confirmed the password."""
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    fields = {"key_id": str(uuid4()), "name": "Nightly", "kind": "live", "scope": "generate", "lifetime_days": ""}
    return browser.post(path_of(workspace, "keys/"), {**fields, "monthly_limit_credits": "", **changes})


def text_of(response: Answer) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


@pytest.fixture
def colleague(bob: User, workspace: Workspace) -> Client:
    """Bob as a creator in Alice's workspace."""
    Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    browser = Client()
    browser.force_login(bob)
    return browser


def test_new_key_works_and_is_shown_once(alice_browser: Client, alice: User, workspace: Workspace) -> None:
    response = submit(alice_browser, workspace, lifetime_days="90", monthly_limit_credits="5000")
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    match = KEY.search(response.content.decode())
    assert match is not None
    found = key_by_text(match.group(1))
    assert found is not None
    key, _membership = found
    assert (key.name, key.user, key.workspace, key.is_test, key.scope) == (
        "Nightly",
        alice,
        workspace,
        False,
        Scope.GENERATE,
    )
    assert key.expires_at is not None
    assert round((key.expires_at - key.created_at).total_seconds() / 86_400) == 90
    assert Program(match.group(1)).get("/jobs").status_code == 200
    again = alice_browser.get(path_of(workspace))
    assert key.hint in again.content.decode()
    assert "0 of 5,000 credits" in text_of(again)
    assert KEY.search(again.content.decode()) is None


def test_live_key_needs_the_password_and_then_comes_at_once(alice_browser: Client, workspace: Workspace) -> None:
    fields = {"key_id": str(uuid4()), "name": "Nightly", "kind": "live", "scope": "generate", "lifetime_days": "30"}
    asked = alice_browser.post(path_of(workspace, "keys/"), fields)
    confirm = f"/accounts/reauthenticate/?{urlencode({'next': path_of(workspace, 'keys/')})}"
    assert (asked.status_code, asked["Location"]) == (302, confirm)
    wrong = alice_browser.post(confirm, {"password": "no"})
    assert "Incorrect password." in wrong.content.decode()
    assert not ApiKey.objects.exists()
    created = alice_browser.post(confirm, {"password": PASSWORD})
    assert KEY.search(created.content.decode()) is not None
    assert "no-store" in created["Cache-Control"]
    assert ApiKey.objects.get().name == "Nightly"
    # Nor is the password asked for again within five minutes.
    assert alice_browser.post(path_of(workspace, "keys/"), {**fields, "key_id": str(uuid4())}).status_code == 200
    assert ApiKey.objects.count() == 2


def test_test_key_needs_no_password(alice_browser: Client, workspace: Workspace) -> None:
    fields = {"key_id": str(uuid4()), "name": "CI", "kind": "test", "scope": "generate", "lifetime_days": ""}
    assert alice_browser.post(path_of(workspace, "keys/"), fields).status_code == 200
    assert ApiKey.objects.get().is_test


def test_create_read_only_test_key(alice_browser: Client, workspace: Workspace) -> None:
    response = submit(alice_browser, workspace, kind="test", scope="read", monthly_limit_credits="5")
    key = ApiKey.objects.get()
    assert (key.is_test, key.scope, key.expires_at) == (True, Scope.READ, None)
    assert "Every clip made with this test key comes from the preview engine" in response.content.decode()


def test_sending_the_form_twice_creates_one_key(alice_browser: Client, workspace: Workspace) -> None:
    key_id = str(uuid4())
    submit(alice_browser, workspace, key_id=key_id)
    response = submit(alice_browser, workspace, key_id=key_id)
    assert response.status_code == 302
    assert "shown only once" in alice_browser.get(path_of(workspace)).content.decode()
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "x" * 61},
        {"kind": "gold"},
        {"scope": "admin"},
        {"lifetime_days": "-1"},
        {"monthly_limit_credits": "-1"},
        {"monthly_limit_credits": "many"},
        {"key_id": "1"},
    ],
)
def test_invalid_form_creates_no_key(alice_browser: Client, workspace: Workspace, changes: dict[str, str]) -> None:
    response = submit(alice_browser, workspace, **changes)
    assert response.status_code == 422
    assert not ApiKey.objects.exists()


def test_key_limit_per_member(
    alice_browser: Client, alice: User, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_KEYS_PER_MEMBER", 1)
    submit(alice_browser, workspace)
    response = submit(alice_browser, workspace)
    assert response.status_code == 422
    assert "You can have up to 1 API keys here. No key was created." in response.content.decode()
    services.revoke_key(key=ApiKey.objects.get(), actor=None)
    assert submit(alice_browser, workspace).status_code == 200


def test_revoked_key_stops_working(alice_browser: Client, alice: User, workspace: Workspace) -> None:
    key = create_key(workspace=workspace, user=alice, name="Old")
    response = alice_browser.post(path_of(workspace, f"keys/{key.row.pk}/revoke/"))
    assert response.status_code == 302
    assert Program(key.key).get("/jobs").status_code == 401
    assert "1 revoked or expired key" in text_of(alice_browser.get(path_of(workspace)))


# --- Permissions ------------------------------------------------------------------------------------------------------


def test_creators_see_and_revoke_only_their_own_keys(colleague: Client, alice: User, workspace: Workspace) -> None:
    hers = create_key(workspace=workspace, user=alice, name="Hers").row
    submit(colleague, workspace, name="His")
    listed = colleague.get(path_of(workspace)).content.decode()
    assert ("His" in listed, "Hers" in listed) == (True, False)
    assert colleague.post(path_of(workspace, f"keys/{hers.pk}/revoke/")).status_code == 404
    hers.refresh_from_db()
    assert hers.revoked_at is None


def test_managers_see_and_revoke_all_keys(alice_browser: Client, colleague: Client, workspace: Workspace) -> None:
    submit(colleague, workspace, name="His")
    his = ApiKey.objects.get()
    listed = alice_browser.get(path_of(workspace)).content.decode()
    assert "His" in listed
    assert "<span>Bob</span>" in listed
    alice_browser.post(path_of(workspace, f"keys/{his.pk}/revoke/"))
    his.refresh_from_db()
    assert his.revoked_at is not None


@pytest.mark.parametrize(("role", "status"), [(Role.VIEWER, 403), (Role.AUDITOR, 403), (None, 404)])
def test_only_creators_can_open_the_keys_pages(
    alice: User, bob: User, workspace: Workspace, role: Role | None, status: int
) -> None:
    if role:
        Membership.objects.create(workspace=workspace, user=bob, role=role)
    key = create_key(workspace=workspace, user=alice, name="Hers").row
    browser = Client()
    browser.force_login(bob)
    answers = [
        browser.get(path_of(workspace)),
        browser.get(path_of(workspace, "reference/")),
        submit(browser, workspace),
        browser.post(path_of(workspace, f"keys/{key.pk}/revoke/")),
    ]
    assert [answer.status_code for answer in answers] == [status] * 4
    assert ApiKey.objects.get().revoked_at is None


def usage_of(browser: Client, workspace: Workspace) -> list[str]:
    page = text_of(browser.get(path_of(workspace)))
    return re.findall(r'<span class="num">([^<]*)</span>', page)


def test_usage_counts_this_months_clips_and_credits(alice_browser: Client, alice: User, workspace: Workspace) -> None:
    key = create_key(workspace=workspace, user=alice, name="Nightly")
    program = Program(key.key)
    assert usage_of(alice_browser, workspace) == ["0 clips", "0 credits"]
    waiting, failed, cancelled, last_years = (
        UUID(program.generate(duration=1).json()["id"].removeprefix("job_")) for _number in range(4)
    )
    assert usage_of(alice_browser, workspace) == ["4 clips", "1,040 credits"]
    program.delete(f"/jobs/job_{cancelled.hex}")
    fail_generation(failed, code="upstream_timeout")
    assert usage_of(alice_browser, workspace) == ["4 clips", "520 credits"]
    Generation.objects.filter(pk=last_years).update(created_at=timezone.now() - timedelta(days=366))
    assert usage_of(alice_browser, workspace) == ["3 clips", "260 credits"]
    fail_generation(last_years, code="upstream_timeout")
    assert usage_of(alice_browser, workspace) == ["3 clips", "260 credits"]
    Generation.objects.exclude(pk=waiting).delete()
    assert usage_of(alice_browser, workspace) == ["3 clips", "260 credits"]


def test_usage_follows_the_workspaces_months(
    alice_browser: Client, alice: User, workspace: Workspace, time_machine: TimeMachineFixture
) -> None:
    # 14 hours ahead: there, December has begun.
    Workspace.objects.update(time_zone="Pacific/Kiritimati")
    time_machine.move_to(datetime(2026, 11, 30, 9, tzinfo=UTC))
    program = Program(create_key(workspace=workspace, user=alice, name="Nightly").key)
    job = UUID(program.generate(duration=1).json()["id"].removeprefix("job_"))
    time_machine.move_to(datetime(2026, 11, 30, 11, tzinfo=UTC))
    assert usage_of(alice_browser, workspace) == ["0 clips", "0 credits"]
    fail_generation(job, code="upstream_timeout")
    program.generate(duration=1)
    assert usage_of(alice_browser, workspace) == ["1 clip", "260 credits"]
    assert [use.month.isoformat() for use in KeyUse.objects.all()] == ["2026-11-01"]


def test_usage_is_read_by_index(alice_browser: Client, alice: User, workspace: Workspace) -> None:
    create_key(workspace=workspace, user=alice, name="Nightly")
    with listed_by_index(Generation, KeyUse):
        alice_browser.get(path_of(workspace))


@pytest.mark.parametrize("count", [1, 3])
def test_query_count_does_not_grow_with_keys(
    alice_browser: Client, alice: User, workspace: Workspace, count: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(count):
        create_key(workspace=workspace, user=alice, name=str(number), monthly_limit_credits=1)
    with django_assert_max_num_queries(12):
        alice_browser.get(path_of(workspace))
