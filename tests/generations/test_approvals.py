"""Requests for approval: what they start, once, and how else they end."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.assets.models import Asset, Kind, Origin
from tchavi_studio.assets.services import delete_asset, record_asset
from tchavi_studio.generations.approvals import (
    MAX_WAITING_PER_MEMBER,
    RequestEndedError,
    TooManyRequestsError,
    approve_request,
    ask_for_approval,
    decline_request,
    delete_old_requests,
    dismiss_request,
    end_expired_requests,
    price_today,
    requests_shown_to,
    waiting_requests,
    withdraw_request,
)
from tchavi_studio.generations.models import ApprovalRequest, Ending, Generation, Remix
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.params import MediaReference
from tchavi_studio.generations.services import PriceChangedError, start_generation
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.queries import budget_of_member, wallet_balance
from tchavi_studio.ledger.services import (
    InsufficientCreditsError,
    SpendingLimitError,
    adjust_credits,
    set_member_budget,
)
from tchavi_studio.ledger.verification import verify_ledger
from tchavi_studio.notices.models import Notice
from tchavi_studio.workspaces.models import ActivityRow, Membership, Role, User, Workspace
from tchavi_studio.workspaces.signals import workspace_archived
from tests.conftest import PutInForce
from tests.databases import Database
from tests.plans import listed_by_index

from .conftest import make_params

Ask = Callable[..., ApprovalRequest]


@pytest.fixture
def bobs(workspace: Workspace, bob: User) -> Membership:
    """Bob is a creator in Alice's workspace, with a budget of 1,000 credits: less than one clip costs."""
    membership = Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    set_member_budget(workspace=workspace, user=bob, budget_credits=1_000)
    return membership


@pytest.fixture
def ask(bobs: Membership) -> Ask:
    """Bob asks for one clip of 1,300 credits; keyword arguments change the order."""

    def ask_once(**changes: Any) -> ApprovalRequest:
        params = make_params(**changes.pop("params", {}))
        order = Order(
            workspace=bobs.workspace,
            creator=bobs.user,
            params=params,
            **{"submission_id": uuid4(), "expected_total_credits": 1_300, **changes},
        )
        return ask_for_approval(order)

    return ask_once


def spent(membership: Membership) -> int:
    return budget_of_member(membership, book="sandbox").spent_credits


def charges() -> list[int]:
    return list(Transfer.objects.filter(kind="charge").order_by("pk").values_list("amount_credits", flat=True))


def told() -> list[tuple[str, str, dict[str, Any]]]:
    notices = Notice.objects.filter(kind__startswith="approval").select_related("user").order_by("pk")
    return [(notice.user.name, str(notice.kind), notice.details) for notice in notices]


def activity() -> list[tuple[str, str, str]]:
    rows = ActivityRow.objects.filter(kind__startswith="approval").select_related("actor", "subject")
    names = [(row.kind, row.actor, row.subject) for row in rows.order_by("sequence")]
    return [(kind, actor.name if actor else "", subject.name if subject else "") for kind, actor, subject in names]


# --- Asking and approving ---------------------------------------------------------------------------------------------


def test_what_is_parked_is_no_clip_and_moves_no_credits(ask: Ask, bobs: Membership, workspace: Workspace) -> None:
    request = ask(params={"seed": 7, "aspect_ratio": "9:16"})
    assert (request.is_waiting, request.total_credits, request.width, request.height) == (True, 1_300, 496, 864)
    assert request.expires_at - request.created_at == timedelta(days=14)
    assert not Generation.objects.exists()
    assert wallet_balance(workspace=workspace, book="sandbox") == 10_000
    assert told() == [("Alice", "approval_asked", {"price_credits": 1_300, "clip_count": 1})]
    assert activity() == [("approval.asked", "Bob", "")]
    assert requests_shown_to(bobs) == [request]


def test_approving_starts_the_order_as_it_was_beyond_the_budget_and_counts_it(
    ask: Ask, alice: User, bobs: Membership
) -> None:
    request = ask(variations=2, expected_total_credits=2_600, params={"seed": 7, "duration": 5}, remix=Remix.LAST_FRAME)
    started = approve_request(request=request, approver=alice, seen_credits=2_600)
    clips = list(Generation.objects.order_by("variation"))
    assert started.generations == clips
    assert [(clip.creator, clip.seed, clip.prompt, clip.submission_id) for clip in clips] == [
        (bobs.user, 7, "Dawn over the lagoon", request.submission_id),
        (bobs.user, 8, "Dawn over the lagoon", request.submission_id),
    ]
    assert {clip.remix for clip in clips} == {"last-frame"}
    assert charges() == [1_300, 1_300]
    assert spent(bobs) == 2_600
    request.refresh_from_db()
    assert (request.ending, request.answered_by) == (Ending.APPROVED, alice)
    assert requests_shown_to(bobs) == []
    assert told()[1:] == [
        ("Bob", "approval_answered", {"is_approved": True, "price_credits": 2_600, "clip_count": 2}),
    ]
    assert activity()[1:] == [("approval.given", "Alice", "Bob")]
    assert list(verify_ledger()) == []


def test_pressing_again_starts_nothing_more_even_when_the_clip_is_gone(ask: Ask, alice: User) -> None:
    request = ask()
    first = approve_request(request=request, approver=alice, seen_credits=1_300)
    again = approve_request(request=request, approver=alice, seen_credits=1_300)
    assert (again.is_replay, again.generations) == (True, first.generations)
    Generation.objects.all().delete()
    assert approve_request(request=request, approver=alice, seen_credits=1_300).generations == []
    assert charges() == [1_300]
    assert len(told()) == 2


def test_another_price_asks_again(ask: Ask, alice: User, put_in_force: PutInForce) -> None:
    request = ask()
    put_in_force({"seedance-2": {"480p": 300, "720p": 600}})
    assert price_today(request) == 1_500
    with pytest.raises(PriceChangedError) as changed:
        approve_request(request=request, approver=alice, seen_credits=1_300)
    assert changed.value.total_credits == 1_500
    request.refresh_from_db()
    assert (request.is_waiting, charges()) == (True, [])
    approve_request(request=request, approver=alice, seen_credits=1_500)
    assert charges() == [1_500]


def test_an_empty_wallet_leaves_the_request_waiting(ask: Ask, alice: User, workspace: Workspace) -> None:
    request = ask()
    adjust_credits(workspace=workspace, book="sandbox", amount_credits=-9_000, reason="for the test")
    with pytest.raises(InsufficientCreditsError):
        approve_request(request=request, approver=alice, seen_credits=1_300)
    request.refresh_from_db()
    assert request.is_waiting


def test_raising_the_budget_starts_the_order_within_it(ask: Ask, alice: User, bobs: Membership) -> None:
    request = ask()
    with pytest.raises(SpendingLimitError):
        approve_request(request=request, approver=alice, seen_credits=1_300, new_budget_credits=1_299)
    assert budget_of_member(bobs, book="sandbox").limit_credits == 1_000
    approve_request(request=request, approver=alice, seen_credits=1_300, new_budget_credits=3_000)
    budget = budget_of_member(bobs, book="sandbox")
    assert (budget.limit_credits, budget.left_credits) == (3_000, 1_700)
    [row] = ActivityRow.objects.filter(kind="budget.changed", actor=alice)
    assert (row.subject, row.details) == (bobs.user, {"old_credits": 1_000, "new_credits": 3_000})


def test_a_repeated_submission_asks_once(ask: Ask) -> None:
    submission_id = uuid4()
    assert ask(submission_id=submission_id) == ask(submission_id=submission_id)
    assert len(told()) == 1


def test_requests_of_a_member_are_bounded(ask: Ask, bobs: Membership) -> None:
    waiting = [ask() for _number in range(MAX_WAITING_PER_MEMBER)]
    with pytest.raises(TooManyRequestsError) as refused:
        ask()
    assert refused.value.message == (
        "10 requests of yours are waiting for answers, so no other was sent. No credits moved. Withdraw one of them, "
        "or wait for an answer."
    )
    withdraw_request(request=waiting[0])
    ask()


# --- How it ends otherwise --------------------------------------------------------------------------------------------


def archive(request: ApprovalRequest) -> None:
    Workspace.objects.filter(pk=request.workspace_id).update(archived_at=timezone.now())
    workspace_archived.send(sender=Workspace, workspace=request.workspace)


def archive_unheard(request: ApprovalRequest) -> None:
    Workspace.objects.filter(pk=request.workspace_id).update(archived_at=timezone.now())


def remove(request: ApprovalRequest) -> None:
    Membership.objects.get(workspace=request.workspace, user=request.asker).delete()


def demote(request: ApprovalRequest) -> None:
    Membership.objects.filter(workspace=request.workspace, user=request.asker).update(role=Role.VIEWER)


def expire(request: ApprovalRequest) -> None:
    moment = timezone.now() - timedelta(days=14)
    ApprovalRequest.objects.filter(pk=request.pk).update(created_at=moment - timedelta(1), expires_at=moment)


@pytest.mark.parametrize(
    ("end", "ending", "words"),
    [
        (lambda request: withdraw_request(request=request), "withdrawn", "This request has been withdrawn."),
        (
            lambda request: decline_request(
                request=request, approver=request.workspace.members.get(name="Alice"), word=" Too long "
            ),
            "declined",
            "This request has been declined.",
        ),
        (expire, "expired", "This request expired, because nobody answered it within 14 days."),
        (remove, "removed", "This request ended, because its asker no longer makes clips in this workspace."),
        (demote, "removed", "This request ended, because its asker no longer makes clips in this workspace."),
        (archive, "archived", "This request ended, because the workspace was archived."),
        (archive_unheard, "archived", "This request ended, because the workspace was archived."),
    ],
    ids=["withdrawn", "declined", "expired", "removed", "demoted", "archived", "archived unheard"],
)
def test_what_has_ended_starts_nothing_and_says_why(
    ask: Ask, alice: User, end: Callable[[ApprovalRequest], object], ending: str, words: str
) -> None:
    request = ask()
    end(request)
    with pytest.raises(RequestEndedError) as refused:
        approve_request(request=request, approver=alice, seen_credits=1_300)
    assert refused.value.message == f"{words} Nothing changed and no credits moved."
    request.refresh_from_db()
    assert (request.ending, request.word) == (ending, "Too long" if ending == "declined" else "")
    assert charges() == []
    for act in (withdraw_request, lambda request: decline_request(request=request, approver=alice, word="")):
        with pytest.raises(RequestEndedError):
            act(request=request)


def test_a_deleted_file_ends_what_used_it(ask: Ask, alice: User, workspace: Workspace) -> None:
    asset = Asset(
        workspace=workspace,
        kind=Kind.IMAGE,
        origin=Origin.UPLOAD,
        content_type="image/png",
        width=320,
        height=320,
        byte_count=1,
        source_sha256="ab" * 32,
        content_sha256="ab" * 32,
        file="nowhere/image.png",
    )
    record_asset(asset=asset)
    image = MediaReference(kind="image", asset_id=asset.pk, width=320, height=320)
    request, other = ask(params={"reference_images": [image], "prompt": "[Image1] at dawn"}), ask()
    assert [reference.asset for reference in request.references.all()] == [asset]
    assert delete_asset(asset=asset)
    with pytest.raises(RequestEndedError) as refused:
        approve_request(request=request, approver=alice, seen_credits=1_300)
    assert refused.value.ending == Ending.FILE_DELETED
    other.refresh_from_db()
    assert other.is_waiting


def test_the_sweep_ends_what_nobody_answered_and_forgets_what_ended_long_ago(ask: Ask) -> None:
    late, waiting = ask(), ask()
    expire(late)
    with listed_by_index(ApprovalRequest):
        assert end_expired_requests() == 1
    late.refresh_from_db()
    assert (late.ending, late.version) == ("expired", 2)
    assert delete_old_requests() == 0
    ApprovalRequest.objects.filter(pk=late.pk).update(ended_at=timezone.now() - timedelta(days=91))
    with listed_by_index(ApprovalRequest):
        assert delete_old_requests() == 1
    assert list(ApprovalRequest.objects.all()) == [waiting]


def test_an_ended_card_stays_until_it_is_dismissed(ask: Ask, bobs: Membership) -> None:
    request = ask()
    dismiss_request(request=request)
    assert requests_shown_to(bobs) == [request]
    withdraw_request(request=request)
    assert requests_shown_to(bobs) == [request]
    dismiss_request(request=request)
    assert requests_shown_to(bobs) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"ending": "approved"},
        {"ended_at": datetime(2026, 11, 1, tzinfo=UTC)},
        {"word": "No"},
        {"dismissed_at": datetime(2026, 11, 1, tzinfo=UTC)},
        {"variations": 5},
        {"total_credits": 0},
        {"model": "sora"},
    ],
    ids=str,
)
def test_the_database_refuses_what_cannot_be(ask: Ask, changes: dict[str, Any]) -> None:
    request = ask()
    with pytest.raises(IntegrityError), transaction.atomic():
        ApprovalRequest.objects.filter(pk=request.pk).update(**changes)


def test_lists_are_read_by_their_indexes(
    ask: Ask, bobs: Membership, membership: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    assert membership.workspace.archived_at is None
    for _number in range(3):
        ask()
    with listed_by_index(ApprovalRequest), django_assert_num_queries(1):
        assert len(requests_shown_to(bobs)) == 3
    with listed_by_index(ApprovalRequest), django_assert_num_queries(1):
        assert len(waiting_requests(membership=membership)[:20]) == 3
    assert not waiting_requests(membership=bobs).exists()


# --- At the same moment -----------------------------------------------------------------------------------------------


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Do all of it at the same moment, each in its own thread; returns the types of what they returned or raised."""
    gate = threading.Barrier(len(acts))
    outcomes: list[str] = []

    def run(act: Callable[[], object]) -> None:
        try:
            gate.wait()
            outcomes.append(type(act()).__name__)
        except Exception as error:
            outcomes.append(type(error).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


@pytest.mark.own_database
def test_answers_at_the_same_moment_end_a_request_once(own_database: Database, ask: Ask, alice: User) -> None:
    def approve(request_id: UUID) -> object:
        request = ApprovalRequest.objects.get(pk=request_id)
        return approve_request(request=request, approver=alice, seen_credits=1_300)

    def withdraw(request_id: UUID) -> None:
        withdraw_request(request=ApprovalRequest.objects.get(pk=request_id))

    twice, contested = ask(), ask()
    assert at_once(*[lambda: approve(twice.pk)] * 4) == ["Started"] * 4
    assert Generation.objects.filter(submission_id=twice.submission_id).count() == 1
    outcomes = at_once(lambda: approve(contested.pk), lambda: withdraw(contested.pk))
    contested.refresh_from_db()
    is_approved = contested.ending == "approved"
    assert outcomes == (["RequestEndedError", "Started"] if is_approved else ["NoneType", "RequestEndedError"])
    assert Generation.objects.filter(submission_id=contested.submission_id).count() == int(is_approved)
    assert charges() == [1_300] * (1 + is_approved)
    assert list(verify_ledger()) == []


# --- Variations -------------------------------------------------------------------------------------------------------


def test_what_is_left_is_said_of_all_variations_together(bobs: Membership) -> None:
    set_member_budget(workspace=bobs.workspace, user=bobs.user, budget_credits=3_000)
    order = Order(
        workspace=bobs.workspace, creator=bobs.user, params=make_params(), submission_id=uuid4(), variations=4
    )
    with pytest.raises(SpendingLimitError) as refused:
        start_generation(order)
    assert (refused.value.needed_credits, refused.value.available_credits) == (5_200, 3_000)
    assert charges() == []
    assert spent(bobs) == 0
