"""What people are told, once and as far as they want."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings

from tchavi_studio.notices import services
from tchavi_studio.notices.models import Notice, NoticeKind
from tchavi_studio.notices.queries import (
    PAGE_LENGTH,
    is_present,
    notice_for_viewer,
    notice_page,
    preferences_for_viewer,
    unseen_count,
)
from tchavi_studio.workspaces.models import Invitation, Role, Session, User, Workspace
from tchavi_studio.workspaces.services import delete_account
from tchavi_studio.workspaces.signals import person_invited
from tests.notices.telling import tell
from tests.plans import listed_by_index

REQUEST = UUID("11111111-2222-3333-4444-555555555555")


@pytest.fixture
def mail(settings: Settings) -> None:
    """A studio that sends mail."""
    settings.SENDS_MAIL = True


def told(user: User) -> list[tuple[str, bool, bool]]:
    """Each notice: its kind, whether it is listed, whether it waits to be mailed."""
    rows = Notice.objects.filter(user=user).order_by("pk")
    return [(row.kind, row.is_listed, row.mail_at is not None) for row in rows]


def test_people_are_told_where_they_want(alice: User, bob: User, workspace: Workspace, mail: None) -> None:
    wanted = {
        (True, True): [("approval_asked", True, True)],
        (True, False): [("approval_asked", True, False)],
        (False, True): [("approval_asked", False, True)],
        (False, False): [],
    }
    for (in_page, by_mail), expected in wanted.items():
        Notice.objects.all().delete()
        services.set_preference(user=alice, kind=NoticeKind.APPROVAL_ASKED, in_page=in_page, mail=by_mail)
        services.notify(
            user=alice,
            kind=NoticeKind.APPROVAL_ASKED,
            workspace=workspace,
            reference=REQUEST,
            actor=bob,
            details={"price_credits": 1300, "clip_count": 2},
        )
        assert told(alice) == expected, (in_page, by_mail)
        assert unseen_count(alice) == int(in_page)
    chosen = [(each.kind, each.in_page, each.mail) for each in preferences_for_viewer(alice)]
    assert chosen == [(kind, kind != "approval_asked", kind != "approval_asked") for kind in NoticeKind.values]


def test_without_mail_nothing_waits_to_be_mailed(alice: User) -> None:
    tell(alice, NoticeKind.LOW_BALANCE, balance_credits=200)
    services.set_preference(user=alice, kind=NoticeKind.CLIP_DONE, in_page=False, mail=True)
    tell(alice, NoticeKind.CLIP_DONE, reference=REQUEST)
    assert told(alice) == [("low_balance", True, False)]


def test_nobody_is_told_twice(alice: User, bob: User) -> None:
    for _attempt in range(2):
        for user in (alice, bob):
            tell(user, NoticeKind.CLIP_DONE, reference=REQUEST)
            tell(user, NoticeKind.CLIP_FAILED, reference=REQUEST)
            tell(user, NoticeKind.BUDGET_80, reference=REQUEST, dedupe_key="2026-11")
            tell(user, NoticeKind.BUDGET_80, reference=REQUEST, dedupe_key="2026-12")
    assert [kind for kind, *_ in told(alice)] == ["clip_done", "clip_failed", "budget_80", "budget_80"]
    assert told(bob) == told(alice)
    for _attempt in range(2):
        tell(alice, NoticeKind.LOW_BALANCE)
    assert [kind for kind, *_ in told(alice)][4:] == ["low_balance", "low_balance"]


def test_a_notice_shares_the_fate_of_its_cause(alice: User) -> None:
    with transaction.atomic():
        tell(alice, NoticeKind.LOW_BALANCE)
        transaction.set_rollback(True)
    assert told(alice) == []


def test_details_have_only_what_sentences_need(alice: User) -> None:
    with pytest.raises(AssertionError, match=r"needs \['duration_seconds', 'model'\]"):
        services.notify(user=alice, kind=NoticeKind.CLIP_DONE, details={"prompt": "A lagoon"})


def test_a_person_keeps_the_newest(
    alice: User,
    bob: User,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    monkeypatch.setattr(services, "MAX_PER_PERSON", 2)
    tell(bob, NoticeKind.LOW_BALANCE, balance_credits=0)
    with django_capture_on_commit_callbacks(execute=True):
        for number in range(4):
            tell(alice, NoticeKind.LOW_BALANCE, balance_credits=number)
    assert [row.details for row in notice_page(user=alice)[0]] == [{"balance_credits": 3}, {"balance_credits": 2}]
    assert Notice.objects.filter(user=bob).count() == 1


def test_seeing_one_or_all(alice: User, bob: User) -> None:
    for user in (alice, alice, alice, bob):
        tell(user, NoticeKind.LOW_BALANCE)
    newest = notice_page(user=alice)[0][0]
    bobs = notice_page(user=bob)[0][0]
    assert services.mark_seen(user=alice, notice_id=newest.pk) == 1
    assert services.mark_seen(user=alice, notice_id=newest.pk) == 0
    assert services.mark_seen(user=alice, notice_id=bobs.pk) == 0
    assert unseen_count(alice) == 2
    assert services.mark_seen(user=alice) == 2
    assert (unseen_count(alice), unseen_count(bob)) == (0, 1)
    assert notice_for_viewer(user=alice, notice_id=newest.pk) == newest
    with pytest.raises(Notice.DoesNotExist):
        notice_for_viewer(user=alice, notice_id=bobs.pk)


def test_lists_are_read_by_their_indexes(
    alice: User, workspace: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rows = [
        Notice(user=alice, workspace=workspace, actor=alice, kind=NoticeKind.LOW_BALANCE)
        for _number in range(PAGE_LENGTH + 2)
    ]
    Notice.objects.bulk_create(rows)
    with listed_by_index(Notice):
        first, position = notice_page(user=alice)
        second, end = notice_page(user=alice, before=position)
        assert unseen_count(alice) == PAGE_LENGTH + 2
        services.mark_seen(user=alice)
        services.delete_old_notices()
    assert [row.pk for row in first + second] == [row.pk for row in reversed(rows)]
    assert (len(first), position, end) == (PAGE_LENGTH, rows[2].pk, None)
    with django_assert_num_queries(1):
        assert {row.workspace for row in notice_page(user=alice)[0]} == {workspace}


def test_old_notices_go(alice: User) -> None:
    now = timezone.now()
    ages = [timedelta(days=91), timedelta(days=92), timedelta(days=89)]
    rows = [Notice(user=alice, kind=NoticeKind.LOW_BALANCE, created_at=now - age) for age in ages]
    Notice.objects.bulk_create(rows)
    assert services.delete_old_notices(max_count=1) == 1
    assert set(Notice.objects.values_list("pk", flat=True)) == {rows[0].pk, rows[2].pk}
    assert services.delete_old_notices() == 1
    assert services.delete_old_notices() == 0
    assert [row.pk for row in Notice.objects.all()] == [rows[2].pk]


def test_notices_go_with_their_person(alice: User, bob: User) -> None:
    for user in (alice, bob):
        tell(user, NoticeKind.LOW_BALANCE)
        services.set_preference(user=user, kind=NoticeKind.LOW_BALANCE, in_page=True, mail=False)
    delete_account(user=bob)
    assert (bob.notices.count(), bob.notice_preferences.count()) == (0, 0)
    assert (alice.notices.count(), alice.notice_preferences.count()) == (1, 1)


def test_somebody_invited_is_told(alice: User, bob: User, workspace: Workspace) -> None:
    invitation = Invitation.objects.create(
        workspace=workspace,
        role=Role.CREATOR,
        email=bob.email,
        token_hash=uuid4().hex,
        inviter=alice,
        expires_at=timezone.now() + timedelta(days=7),
    )
    person_invited.send(sender=Invitation, invitation=invitation, user=bob)
    [notice] = notice_page(user=bob)[0]
    assert (notice.kind, notice.actor, notice.workspace) == ("invitation", alice, workspace)
    assert (notice.reference, notice.details) == (invitation.pk, {"role": "creator"})


def test_presence_is_known_from_the_latest_request(alice: User, bob: User) -> None:
    now = timezone.now()
    assert is_present(user_id=alice.pk) is False
    for minutes, expected in ((90, False), (3, False), (2, True)):
        Session.objects.create(
            session_key=uuid4().hex,
            session_data="",
            user=alice,
            seen_at=now - timedelta(minutes=minutes),
            expire_date=now + timedelta(days=1),
        )
        assert is_present(user_id=alice.pk) is expected
    assert is_present(user_id=bob.pk) is False
