"""Orders over budget: parked until an owner or an admin approves them once, and how else they end.

Every write locks the request first, so of two answers at the same moment one comes first, and the other finds that the
request has ended. Approving goes on to lock the asker's wallet.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tchavi_studio.assets.models import Asset
from tchavi_studio.ledger.alerts import managers_of
from tchavi_studio.ledger.services import lock_wallet, set_member_budget
from tchavi_studio.long_lists import count_up_to
from tchavi_studio.notices.models import NoticeKind
from tchavi_studio.notices.services import notify, settle
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.activity import Kind, record_activity
from tchavi_studio.workspaces.models import Membership, Permission, User, Visibility, Workspace

from .models import (
    IS_WAITING,
    WORD_MAX_LENGTH,
    ApprovalReference,
    ApprovalRequest,
    Ending,
    Engine,
    Generation,
    ReferenceRole,
    Remix,
)
from .orders import Order
from .params import GenerationParams, MediaReference
from .services import Started, start_generation
from .validation import validate

WAITS = timedelta(days=14)
KEPT = timedelta(days=90)
"""How long a request waits for an answer, and how long it is kept after it has ended."""

MAX_WAITING_PER_MEMBER = 10

FIELDS_OF_ROLES = {
    ReferenceRole.FIRST_FRAME: ("image_url", False),
    ReferenceRole.LAST_FRAME: ("last_frame_image_url", False),
    ReferenceRole.IMAGE: ("reference_images", True),
    ReferenceRole.VIDEO: ("reference_videos", True),
    ReferenceRole.AUDIO: ("reference_audios", True),
}
"""The contract's field of each reference, and whether that is a list."""


class TooManyRequestsError(UserFacingError):
    """The member has MAX_WAITING_PER_MEMBER requests that nobody has answered."""

    def __init__(self) -> None:
        super().__init__(
            ngettext(
                "%(max)s request of yours is waiting for an answer, so no other was sent. No credits moved. Withdraw "
                "it, or wait for the answer.",
                "%(max)s requests of yours are waiting for answers, so no other was sent. No credits moved. Withdraw "
                "one of them, or wait for an answer.",
                MAX_WAITING_PER_MEMBER,
            )
            % {"max": MAX_WAITING_PER_MEMBER}
        )


class RequestEndedError(UserFacingError):
    """The request has already ended."""

    def __init__(self, ending: str) -> None:
        nothing_moved = _("Nothing changed and no credits moved.")
        super().__init__(f"{ended_because(ending)} {nothing_moved}")
        self.ending = ending


class OrderOutdatedError(UserFacingError):
    """What was asked for can't be made any more, by today's rules."""

    def __init__(self, reason: str) -> None:
        nothing_moved = _("Nothing was created and no credits moved.")
        super().__init__(f"{reason} {nothing_moved}")


def ended_because(ending: str) -> str:
    """Why a request has ended, in a sentence."""
    return {
        Ending.APPROVED: _("This request has been approved."),
        Ending.DECLINED: _("This request has been declined."),
        Ending.WITHDRAWN: _("This request has been withdrawn."),
        Ending.EXPIRED: _("This request expired, because nobody answered it within 14 days."),
        Ending.REMOVED: _("This request ended, because its asker no longer makes clips in this workspace."),
        Ending.ARCHIVED: _("This request ended, because the workspace was archived."),
        Ending.FILE_DELETED: _("This request ended, because one of its files was deleted."),
    }[Ending(ending)]


# --- Asking -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def ask_for_approval(order: Order) -> ApprovalRequest:
    """Park an order that exceeds its person's budget. Repeating its submission returns the first request.

    Raises TooManyRequestsError, and RequestEndedError if the person may not make clips any more.
    """
    # Locked, so that several requests at once can't exceed the bound, and no removal misses this one.
    members = Membership.objects.select_for_update(of=("self",)).select_related("workspace")
    member = members.filter(workspace=order.workspace, user=order.creator).first()
    if member is None or not member.can(Permission.CREATE):
        raise RequestEndedError(Ending.REMOVED)
    earlier = ApprovalRequest.objects.filter(workspace=order.workspace, submission_id=order.submission_id).first()
    if earlier is not None:
        return earlier
    waiting = ApprovalRequest.objects.filter(IS_WAITING, workspace=order.workspace, asker=order.creator)
    if count_up_to(waiting, MAX_WAITING_PER_MEMBER) >= MAX_WAITING_PER_MEMBER:
        raise TooManyRequestsError
    params, now = order.params, timezone.now()
    width, height = params.pixel_size
    request = ApprovalRequest.objects.create(
        workspace=order.workspace,
        asker=order.creator,
        submission_id=order.submission_id,
        variations=order.variations,
        parent=order.parent,
        remix=order.remix or "",
        model=params.model,
        prompt=params.prompt,
        duration_seconds=params.duration_seconds,
        resolution=params.resolution,
        aspect_ratio=params.aspect_ratio,
        generate_audio=params.generate_audio,
        seed=params.seed,
        width=width,
        height=height,
        engine=order.engine_in_force,
        is_shared=order.is_shared,
        total_credits=order.total_credits,
        created_at=now,
        expires_at=now + WAITS,
    )
    ApprovalReference.objects.bulk_create(
        ApprovalReference(request=request, role=role, position=position, asset_id=asset_id)
        for role, position, asset_id in order.references
    )
    for manager in managers_of(order.workspace):
        if manager != order.creator:
            _notify(request, manager, NoticeKind.APPROVAL_ASKED, actor=order.creator)
    _record(request, Kind.APPROVAL_ASKED, actor=order.creator)
    return request


def withdraw_request(*, request: ApprovalRequest) -> None:
    """Take a request back. Raises RequestEndedError."""
    with transaction.atomic():
        _end(_locked(request), Ending.WITHDRAWN)


def dismiss_request(*, request: ApprovalRequest) -> None:
    """Take the card of a request that has ended off the page."""
    ended = ApprovalRequest.objects.filter(pk=request.pk, ended_at__isnull=False, dismissed_at=None)
    ended.update(dismissed_at=timezone.now(), version=F("version") + 1)


# --- Answering --------------------------------------------------------------------------------------------------------


def approve_request(
    *, request: ApprovalRequest, approver: User, seen_credits: int, new_budget_credits: int | None = None
) -> Started:
    """Start a parked order at the price that the approver saw, once: a second press returns the same clips.

    It may exceed the asker's budget, and counts in it. With `new_budget_credits` the budget is raised first, and then
    the order has to fit in it. Raises RequestEndedError, OrderOutdatedError, and whatever `start_generation` raises:
    after that the request still waits.
    """
    if ending := _ending_due(request):
        end_requests(ApprovalRequest.objects.filter(pk=request.pk), ending)
    with transaction.atomic():
        locked = _locked(request, may_be=Ending.APPROVED)
        if not locked.is_waiting:
            return Started(generations=_clips_of(locked), is_replay=True)
        if new_budget_credits is not None:
            # The wallet comes before everything else that a charge locks.
            lock_wallet(workspace=locked.workspace, book=settings.STUDIO_BOOK)
            set_member_budget(
                workspace=locked.workspace, user=locked.asker, budget_credits=new_budget_credits, actor=approver
            )
        order = order_of(locked, expected_total_credits=seen_credits, is_approved=new_budget_credits is None)
        started = start_generation(order)
        _end(
            locked,
            Ending.APPROVED,
            answered_by=approver,
            dismissed_at=timezone.now(),
            total_credits=order.total_credits,
        )
        _tell_answer(locked, approver)
        _record(locked, Kind.APPROVAL_GIVEN, actor=approver)
        return started


def decline_request(*, request: ApprovalRequest, approver: User, word: str) -> None:
    """Decline a request, with a word on why, or without. Raises RequestEndedError."""
    with transaction.atomic():
        locked = _locked(request)
        _end(locked, Ending.DECLINED, answered_by=approver, word=word.strip()[:WORD_MAX_LENGTH])
        _tell_answer(locked, approver)
        _record(locked, Kind.APPROVAL_DECLINED, actor=approver)


def _clips_of(request: ApprovalRequest) -> list[Generation]:
    clips = Generation.objects.filter(workspace=request.workspace_id, submission_id=request.submission_id)
    return list(clips.order_by("variation"))


def order_of(request: ApprovalRequest, *, expected_total_credits: int, is_approved: bool) -> Order:
    """The order that was parked, by today's rules. Raises OrderOutdatedError."""
    return Order(
        workspace=request.workspace,
        creator=request.asker,
        params=_params_of(request),
        submission_id=request.submission_id,
        variations=request.variations,
        expected_total_credits=expected_total_credits,
        parent=request.parent,
        remix=Remix(request.remix) if request.remix else None,
        engine=Engine(request.engine),
        visibility=Visibility.WORKSPACE if request.is_shared else Visibility.PRIVATE,
        is_approved=is_approved,
    )


def price_today(request: ApprovalRequest) -> int:
    """What a parked order costs now. Raises OrderOutdatedError."""
    return order_of(request, expected_total_credits=0, is_approved=True).total_credits


def _params_of(request: ApprovalRequest) -> GenerationParams:
    raw: dict[str, Any] = {
        "model": request.model,
        "prompt": request.prompt,
        "duration": request.duration_seconds,
        "resolution": request.resolution,
        "aspect_ratio": request.aspect_ratio,
        "generate_audio": request.generate_audio,
        "seed": request.seed,
    }
    for reference in request.references.all():
        if reference.asset is None:
            raise RequestEndedError(Ending.FILE_DELETED)
        field, is_list = FIELDS_OF_ROLES[ReferenceRole(reference.role)]
        media = _media_reference(reference.asset)
        if is_list:
            raw.setdefault(field, []).append(media)
        else:
            raw[field] = media
    validated = validate(raw)
    if validated.params is None:
        raise OrderOutdatedError(validated.errors[0].message)
    return validated.params


def _media_reference(asset: Asset) -> MediaReference:
    return MediaReference(
        kind=asset.kind,
        asset_id=asset.pk,
        duration_seconds=asset.duration_seconds,
        width=asset.width,
        height=asset.height,
        needs_trim=asset.needs_trim,
        name=asset.original_name,
    )


# --- Ending -----------------------------------------------------------------------------------------------------------


def end_requests(requests: QuerySet[ApprovalRequest], ending: Ending) -> int:
    """End those of `requests` that still wait; returns how many."""
    return requests.filter(IS_WAITING).update(ending=ending, ended_at=timezone.now(), version=F("version") + 1)


def end_expired_requests(*, max_count: int = 100) -> int:
    """End up to `max_count` requests that nobody answered in time; returns how many."""
    expired = ApprovalRequest.objects.filter(IS_WAITING, expires_at__lte=timezone.now()).order_by("expires_at")
    ids = list(expired.values_list("pk", flat=True)[:max_count])
    return end_requests(ApprovalRequest.objects.filter(pk__in=ids), Ending.EXPIRED)


def delete_old_requests(*, max_count: int = 100) -> int:
    """Delete up to `max_count` requests that ended KEPT ago; returns how many."""
    old = ApprovalRequest.objects.filter(ended_at__lt=timezone.now() - KEPT).order_by("ended_at")
    ids = list(old.values_list("pk", flat=True)[:max_count])
    ApprovalRequest.objects.filter(pk__in=ids).delete()
    return len(ids)


def end_requests_of_member(*, instance: Membership, **signal: Any) -> None:
    """Handle the signal `post_delete` of a membership, inside the transaction that removes the member."""
    requests = ApprovalRequest.objects.filter(workspace=instance.workspace_id, asker=instance.user_id)
    end_requests(requests, Ending.REMOVED)


def end_requests_of_workspace(*, workspace: Workspace, **signal: Any) -> None:
    """Handle the signal `workspace_archived`."""
    end_requests(ApprovalRequest.objects.filter(workspace=workspace), Ending.ARCHIVED)


def end_requests_with_file(*, instance: Asset, **signal: Any) -> None:
    """Handle the signal `pre_delete` of an asset."""
    using = ApprovalReference.objects.filter(asset=instance).values("request")
    end_requests(ApprovalRequest.objects.filter(pk__in=using), Ending.FILE_DELETED)


def _ending_due(request: ApprovalRequest) -> Ending | None:
    """Why a request that still waits must end now, if it must."""
    request.refresh_from_db(fields=["expires_at"])
    if request.expires_at <= timezone.now():
        return Ending.EXPIRED
    workspace = Workspace.objects.get(pk=request.workspace_id)
    if workspace.archived_at:
        return Ending.ARCHIVED
    asker = Membership.objects.select_related("workspace").filter(workspace=workspace, user=request.asker_id).first()
    return None if asker and asker.can(Permission.CREATE) else Ending.REMOVED


def _locked(request: ApprovalRequest, *, may_be: str = "") -> ApprovalRequest:
    """The request, locked until the transaction ends. Raises RequestEndedError if it has ended other than `may_be`."""
    rows = ApprovalRequest.objects.select_for_update(of=("self",)).select_related("workspace", "asker", "parent")
    locked = rows.get(pk=request.pk)
    if not locked.is_waiting and locked.ending != may_be:
        raise RequestEndedError(locked.ending)
    return locked


def _end(request: ApprovalRequest, ending: Ending, **changes: object) -> None:
    """End a locked request."""
    values = {"ending": ending, "ended_at": timezone.now(), "version": request.version + 1, **changes}
    for name, value in values.items():
        setattr(request, name, value)
    request.save(update_fields=list(values))
    settle(users=managers_of(request.workspace), kind=NoticeKind.APPROVAL_ASKED, reference=request.pk)


def _tell_answer(request: ApprovalRequest, approver: User) -> None:
    if approver != request.asker:
        _notify(
            request,
            request.asker,
            NoticeKind.APPROVAL_ANSWERED,
            actor=approver,
            is_approved=request.ending == Ending.APPROVED,
        )


def _notify(request: ApprovalRequest, user: User, kind: NoticeKind, *, actor: User, **details: bool) -> None:
    notify(
        user=user,
        kind=kind,
        workspace=request.workspace,
        reference=request.pk,
        details={"price_credits": request.total_credits, "clip_count": request.variations, **details},
        actor=actor,
    )


def _record(request: ApprovalRequest, kind: Kind, *, actor: User) -> None:
    record_activity(
        workspace=request.workspace,
        kind=kind,
        actor=actor,
        subject=request.asker if actor != request.asker else None,
        reference=request.pk,
        details={"price_credits": request.total_credits, "clip_count": request.variations},
    )


# --- Reading ----------------------------------------------------------------------------------------------------------

MAX_SHOWN = MAX_WAITING_PER_MEMBER + 10


def requests_shown_to(membership: Membership) -> list[ApprovalRequest]:
    """The viewer's own newest requests whose cards are on the page: those that wait, and answers not yet dismissed."""
    own = ApprovalRequest.objects.filter(
        workspace=membership.workspace_id, asker=membership.user_id, dismissed_at__isnull=True
    )
    return list(own.select_related("answered_by").order_by("-created_at", "-id")[:MAX_SHOWN])


def request_of_asker(*, membership: Membership, request_id: UUID) -> ApprovalRequest:
    """One of the viewer's own requests. Raises ApprovalRequest.DoesNotExist."""
    return ApprovalRequest.objects.get(workspace=membership.workspace_id, asker=membership.user_id, pk=request_id)


def waiting_requests(*, membership: Membership) -> QuerySet[ApprovalRequest]:
    """What the viewer, an owner or an admin, has to answer, newest first; nothing for anybody else."""
    waiting = ApprovalRequest.objects.filter(IS_WAITING, workspace=membership.workspace_id)
    if not membership.can(Permission.MANAGE):
        return waiting.none()
    return waiting.select_related("workspace", "asker", "parent").order_by("-created_at", "-id")


def request_to_answer(*, membership: Membership, request_id: UUID) -> ApprovalRequest:
    """One request of the workspace, ended or not, for an owner or an admin. Raises ApprovalRequest.DoesNotExist."""
    if not membership.can(Permission.MANAGE):
        raise ApprovalRequest.DoesNotExist
    return ApprovalRequest.objects.select_related("workspace", "asker").get(
        workspace=membership.workspace_id, pk=request_id
    )
