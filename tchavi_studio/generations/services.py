"""Starting, cancelling, sharing, deleting and reviewing clips."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tchavi_studio.assets.limits import RefusedFileError
from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.services import check_room, delete_asset, delete_unowned, replace_pictures
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.ledger.services import InsufficientCreditsError, SpendingLimitError, charge_credits
from tchavi_studio.long_lists import count_up_to, rows_among
from tchavi_studio.prepared import insert_row
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.runtime.crashpoints import CrashPoint, crashpoint
from tchavi_studio.workspaces.activity import Kind, record_activity
from tchavi_studio.workspaces.models import Membership, User, Workspace

from . import lifecycle
from .library.entries import change_entries, enter_clips, entries_of, forget_clips
from .models import (
    IS_FOR_PEOPLE,
    IS_OPEN,
    IS_SHARED,
    IS_SHOWN,
    Discard,
    DiscardKind,
    Engine,
    Generation,
    GenerationReference,
    RemoteJob,
    State,
)
from .orders import Order
from .params import SEED_MAX
from .queries import unused_files
from .references import note_shared_references
from .upstream.references import Route, reference_route
from .wakeups import wake_discards, wake_pump, wake_renders, wake_transfers


class PriceChangedError(UserFacingError):
    """The price has changed since the person saw it. Nothing was created; `total_credits` is the new price."""

    def __init__(self, total_credits: int) -> None:
        super().__init__(
            _("The price has changed. Nothing was created and no credits moved. Check the new price, then confirm it.")
        )
        self.total_credits = total_credits


class ReferencesUnreachableError(UserFacingError):
    """The provider can neither open links to this studio nor take uploads."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "The provider can't fetch reference files from this studio, because it has no public address. No "
                "credits moved. Ask the site's admin to set STUDIO_PUBLIC_URL, or make the clip from text alone."
            )
        )


class NotCancellableError(UserFacingError):
    """Work on the clip has already begun, or even ended (`has_ended`)."""

    def __init__(self, *, has_ended: bool) -> None:
        being_made = _(
            "This clip is already being made and can't be stopped. No credits moved. If it fails, it is refunded."
        )
        ended = _("This clip has already ended. Nothing changed and no credits moved.")
        super().__init__(ended if has_ended else being_made)
        self.has_ended = has_ended


class StillOpenError(UserFacingError):
    """Only a finished clip can be deleted or dismissed."""

    def __init__(self) -> None:
        super().__init__(
            _("This clip isn't finished yet. Nothing changed and no credits moved. Wait for it, or cancel it first.")
        )


class TooManyFreeClipsError(UserFacingError):
    """The workspace has STUDIO_MAX_FREE_PER_WORKSPACE free clips that aren't finished."""

    retry_after_seconds = 10

    def __init__(self) -> None:
        super().__init__(
            ngettext(
                "A workspace can have %(max)s free clip in the making, so no other was started. No credits moved. Wait "
                "until it is finished, then try again.",
                "A workspace can have %(max)s free clips in the making, so no more were started. No credits moved. "
                "Wait until some are finished, then try again.",
                settings.STUDIO_MAX_FREE_PER_WORKSPACE,
            )
            % {"max": settings.STUDIO_MAX_FREE_PER_WORKSPACE}
        )


class NoRoomForFreeClipsError(UserFacingError):
    """There is no room for files that nobody pays for: the workspace's quota is used up, or the disk is almost full."""

    def __init__(self, *, is_disk_low: bool) -> None:
        super().__init__(
            _(
                "The studio's disk is almost full, so no free clip was started. No credits moved. Ask the site's admin "
                "to free space."
            )
            if is_disk_low
            else _(
                "The workspace has used up its storage, so no free clip was started. No credits moved. Empty the bin "
                "or delete unused files, then try again."
            )
        )


class WorkspaceArchivedError(UserFacingError):
    """The workspace can only be read."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "This workspace is archived: it can only be read. No credits moved. One of its owners can take it out "
                "of the archive."
            )
        )


class NotAFailureError(UserFacingError):
    """Only a failed or cancelled clip can be dismissed."""

    def __init__(self) -> None:
        super().__init__(
            _("This clip is finished, so there is no failure to dismiss. Nothing changed. To remove it, delete it.")
        )


class _SubmittedBeforeError(Exception):
    """The submission's clips exist already."""


BeforeCommit = Callable[[list[Generation]], object]


@dataclass(frozen=True, kw_only=True)
class Started:
    """The clips of one submission. `is_replay`: they existed already, so nothing was created or charged.

    `balance_credits` is what the wallet held after the charges; None if there were none.
    """

    generations: list[Generation]
    is_replay: bool
    balance_credits: int | None = None


def start_generation(order: Order, *, before_commit: BeforeCommit | None = None) -> Started:
    """Charge for and queue an order's clips, all or none, in one transaction, which calls `before_commit` last.

    Once it returns, each clip will reach a final state, whatever crashes. Repeating a `submission_id` (a double click,
    a reload) returns the first submission's clips. The charges count against every spending limit that applies to the
    order's key or person.

    Raises PriceChangedError if the price isn't the expected one, InsufficientCreditsError with the total if the
    wallet holds less, SpendingLimitError when a limit is reached, ReferencesUnreachableError when the provider can't
    get the references, and WorkspaceArchivedError. Free clips may raise TooManyFreeClipsError and
    NoRoomForFreeClipsError. Raises ValueError for another workspace's reference, which no form offers.
    """
    try:
        return _started(order, before_commit)
    except (_SubmittedBeforeError, UserFacingError):
        # Most submissions are new. If this one isn't, the earlier one's transaction is committed by now.
        if earlier := _submitted(order):
            return Started(generations=earlier, is_replay=True)
        raise


def _started(order: Order, before_commit: BeforeCommit | None) -> Started:
    if order.expected_total_credits not in (None, order.total_credits):
        raise PriceChangedError(order.total_credits)
    _check_references(order)
    seeds = _seeds(order.params.seed, order.variations)
    clips: list[tuple[Generation, Transfer | None]] = []
    try:
        with transaction.atomic():
            if order.price_credits == 0 and order.engine_in_force == Engine.PREVIEW:
                _check_free_clips(order)
            for number, seed in enumerate(seeds):
                clips.append(_queue_clip(order, variation=number, seed=seed))
            if order.is_shared:
                note_shared_references(asset_id for _role, _position, asset_id in order.references)
            # The new rows keep whoever archives the workspace waiting until the commit.
            if Workspace.objects.filter(pk=order.workspace.pk, archived_at__isnull=False).exists():
                raise WorkspaceArchivedError
            generations = [generation for generation, _charge in clips]
            enter_clips(generations, has_references=bool(order.references))
            if before_commit is not None:
                before_commit(generations)
            crashpoint(CrashPoint.IN_ACCEPTING)
            transaction.on_commit(partial(_wake_workers, order))
    except InsufficientCreditsError:
        raise InsufficientCreditsError(
            needed_credits=order.total_credits,
            available_credits=wallet_balance(workspace=order.workspace, book=settings.STUDIO_BOOK),
        ) from None
    except SpendingLimitError as refused:
        # Of all its clips together, since none was made.
        raise SpendingLimitError(
            refused.kind,
            needed_credits=order.total_credits,
            limit_credits=refused.limit_credits,
            available_credits=refused.available_credits + len(clips) * order.price_credits,
        ) from None
    _generation, last_charge = clips[-1]
    return Started(
        generations=generations,
        is_replay=False,
        balance_credits=last_charge.balance_after_credits if last_charge else None,
    )


def _submitted(order: Order) -> list[Generation]:
    clips = Generation.objects.filter(workspace=order.workspace, submission_id=order.submission_id)
    return list(clips.order_by("variation"))


def _check_references(order: Order) -> None:
    asset_ids = {asset_id for _role, _position, asset_id in order.references}
    if not asset_ids:
        return
    if rows_among(Asset.objects.filter(workspace=order.workspace), asset_ids).count() != len(asset_ids):
        raise ValueError("A reference does not belong to this workspace.")
    if order.engine_in_force == Engine.TCHAVI and reference_route() == Route.NONE:
        raise ReferencesUnreachableError


def _check_free_clips(order: Order) -> None:
    """Refuse free previews beyond the workspace's bound, and those that have no room. Others need neither."""
    # Locked, so that concurrent requests can't exceed the bound.
    Workspace.objects.select_for_update(no_key=True).get(pk=order.workspace.pk)
    max_open = settings.STUDIO_MAX_FREE_PER_WORKSPACE
    unfinished = Generation.objects.filter(IS_OPEN, engine=Engine.PREVIEW, workspace=order.workspace, price_credits=0)
    if count_up_to(unfinished, max_open) + order.variations > max_open:
        raise TooManyFreeClipsError
    try:
        check_room(workspace=order.workspace)
    except RefusedFileError as refusal:
        raise NoRoomForFreeClipsError(is_disk_low=refusal.code == "studio_full") from refusal


def _seeds(seed: int | None, count: int) -> list[int]:
    """`count` different seeds: the requested seed and the ones after it, or random ones."""
    if seed is not None:
        return [(seed + step) % (SEED_MAX + 1) for step in range(count)]
    drawn: set[int] = set()
    while len(drawn) < count:
        drawn.add(secrets.randbelow(SEED_MAX + 1))
    return list(drawn)


def _queue_clip(order: Order, *, variation: int, seed: int) -> tuple[Generation, Transfer | None]:
    params = order.params
    width, height = params.pixel_size
    generation = Generation(
        workspace=order.workspace,
        creator=order.creator,
        submission_id=order.submission_id,
        variation=variation,
        parent=order.parent,
        remix=order.remix or "",
        model=params.model,
        prompt=params.prompt,
        duration_seconds=params.duration_seconds,
        resolution=params.resolution,
        aspect_ratio=params.aspect_ratio,
        generate_audio=params.generate_audio,
        seed=seed,
        width=width,
        height=height,
        engine=order.engine_in_force,
        book=settings.STUDIO_BOOK,
        key_id=order.key_id,
        is_test=order.is_test,
        price_credits=order.price_credits,
        price_version_id=order.quoted.version_number if order.quoted else None,
        via=order.via,
        is_shared=order.is_shared,
    )
    generation.shared_at = generation.created_at if order.is_shared else None
    if not insert_row(generation):
        raise _SubmittedBeforeError
    GenerationReference.objects.bulk_create(
        GenerationReference(generation=generation, role=role, position=position, asset_id=asset_id)
        for role, position, asset_id in order.references
    )
    charge = charge_credits(
        workspace=order.workspace,
        book=generation.book,
        amount_credits=order.price_credits,
        reference=generation.pk,
        actor=order.creator,
        key_id=order.key_id,
        model=params.model,
        is_approved=order.is_approved,
    )
    return generation, charge


def _wake_workers(order: Order) -> None:
    crashpoint(CrashPoint.ACCEPTED)
    if order.engine_in_force == Engine.PREVIEW:
        wake_renders()
        return
    wake_pump()
    if order.references and reference_route() == Route.UPLOADS:
        wake_transfers()


def cancel_generation(*, generation: Generation) -> None:
    """Take a waiting clip out of the queue and refund it in full. Raises NotCancellableError if it no longer waits."""
    if not lifecycle.cancel_queued(generation.pk):
        is_open = Generation.objects.filter(IS_OPEN, pk=generation.pk).exists()
        raise NotCancellableError(has_ended=not is_open)


@transaction.atomic
def share_clip(*, generation: Generation, actor: User | None) -> None:
    """Show a clip to the whole workspace, in whatever state it is. A shared one stays as it is."""
    now = timezone.now()
    rows = Generation.objects.filter(IS_FOR_PEOPLE, pk=generation.pk, is_shared=False)
    if rows.update(is_shared=True, shared_at=now, updated_at=now, version=F("version") + 1):
        change_entries(entries_of([generation.pk]), is_shared=True)
        note_shared_references(generation.references.values_list("asset", flat=True))
        _record(Kind.CLIP_SHARED, generation, actor)


@transaction.atomic
def unshare_clip(*, generation: Generation, actor: User | None) -> None:
    """Leave a clip to its creator alone. Clips that were made from it, and files that were downloaded, stay."""
    rows = Generation.objects.filter(IS_SHARED, pk=generation.pk)
    if rows.update(is_shared=False, updated_at=timezone.now(), version=F("version") + 1):
        change_entries(entries_of([generation.pk]), is_shared=False)
        _record(Kind.CLIP_UNSHARED, generation, actor)


@transaction.atomic
def delete_clip(*, generation: Generation, actor: User | None) -> None:
    """Move a clip to its creator's bin, for as long as the workspace keeps it now. No credits move.

    Raises StillOpenError.
    """
    now = timezone.now()
    purge_at = now + timedelta(days=generation.workspace.days_in_bin)
    if _touch(generation, Q(deleted_at=None), deleted_at=now, purge_at=purge_at):
        _record(Kind.CLIP_DELETED, generation, actor)
    elif Generation.objects.filter(IS_OPEN, pk=generation.pk).exists():
        raise StillOpenError


@transaction.atomic
def restore_clip(*, generation: Generation, actor: User | None) -> None:
    """Take a clip out of the bin."""
    if _touch(generation, Q(deleted_at__isnull=False), deleted_at=None, purge_at=None):
        _record(Kind.CLIP_RESTORED, generation, actor)


def _record(kind: Kind, generation: Generation, actor: User | None) -> None:
    record_activity(
        workspace=generation.workspace, kind=kind, actor=actor, subject=generation.creator, reference=generation.pk
    )


@transaction.atomic
def dismiss_failure(*, generation: Generation) -> None:
    """Remove a failed or cancelled clip's card from the feed. The ledger keeps its rows.

    Raises StillOpenError, and NotAFailureError for a completed clip.
    """
    if not _touch(generation, Q(state__in=[State.FAILED, State.CANCELLED]), dismissed_at=timezone.now()):
        is_completed = Generation.objects.filter(pk=generation.pk, state=State.COMPLETED).exists()
        raise NotAFailureError if is_completed else StillOpenError


def choose_poster(*, generation: Generation, actor: User, at_seconds: float) -> None:
    """Make the frame that a finished clip shows at `at_seconds` its poster, on every card too.

    Activity says so if the clip is somebody else's.

    Takes seconds: don't call it in a transaction. Raises MediaRefusedError, and Generation.DoesNotExist if the clip is
    in the bin: whatever empties that reads the names of the files it deletes, so they mustn't change any more.
    """
    if generation.output is None:
        raise Generation.DoesNotExist

    @contextmanager
    def changing() -> Iterator[None]:
        if not _touch(generation, Q(deleted_at__isnull=True)):
            raise Generation.DoesNotExist
        yield
        if generation.creator_id != actor.pk:
            _record(Kind.POSTER_CHOSEN, generation, actor)

    replace_pictures(asset=generation.output, user=actor, at_seconds=at_seconds, within=changing())


def _touch(generation: Generation, condition: Q, **changes: object) -> bool:
    """Change a clip that has ended, if `condition` holds for it."""
    rows = Generation.objects.filter(~IS_OPEN & condition, pk=generation.pk)
    if not rows.update(version=F("version") + 1, updated_at=timezone.now(), **changes):
        return False
    is_listed = Generation.objects.filter(IS_SHOWN, pk=generation.pk).exists()
    change_entries(entries_of([generation.pk]), is_listed=is_listed)
    return True


def discard(*, membership: Membership, kind: DiscardKind) -> None:
    """Have the member's bin emptied, or their unused files deleted, in the background. No credits move."""
    with transaction.atomic():
        Discard.objects.update_or_create(
            workspace=membership.workspace,
            user=membership.user,
            kind=kind,
            defaults={"requested_at": timezone.now()},
        )
        transaction.on_commit(wake_discards)
        if kind == DiscardKind.BIN:
            record_activity(workspace=membership.workspace, kind=Kind.BIN_EMPTIED, actor=membership.user)


def discard_some(*, max_count: int = 20) -> bool:
    """Delete up to `max_count` clips or files that somebody discarded. False if there is nothing left to delete."""
    # Any of them, so that a large bin doesn't keep the others waiting.
    wanted = Discard.objects.order_by("?").first()
    if wanted is None:
        return False
    if wanted.kind == DiscardKind.BIN:
        clips = Generation.objects.filter(
            IS_FOR_PEOPLE,
            workspace=wanted.workspace_id,
            creator=wanted.user_id,
            deleted_at__lte=wanted.requested_at,
        )
        count = delete_for_good(clips.order_by("-deleted_at", "-id"), max_count=max_count)
    else:
        unused = unused_files(workspace_id=wanted.workspace_id, user_id=wanted.user_id)
        found = list(unused.filter(created_at__lte=wanted.requested_at)[:max_count])
        # One that a clip has just begun to use stays, so it doesn't count.
        count = sum(delete_asset(asset=asset) for asset in found)
    if count == 0:
        Discard.objects.filter(pk=wanted.pk, requested_at=wanted.requested_at).delete()
    return True


def purge_bin(*, max_count: int = 100) -> int:
    """Delete up to `max_count` clips, and their files, whose time in the bin is over."""
    expired = Generation.objects.filter(~IS_OPEN, purge_at__lte=timezone.now())
    return delete_for_good(expired.order_by("purge_at"), max_count=max_count)


def delete_for_good(clips: QuerySet[Generation], *, max_count: int) -> int:
    """Delete up to `max_count` of `clips`, which have ended, and their files. Returns how many it found.

    The ledger's rows stay: they hold only the clips' ids. An exposure stays until an admin has reviewed it.
    """
    unreviewed = Q(needs_review=True, remote_job__reviewed_at=None)
    deletable = clips.exclude(unreviewed)
    found = list(deletable.values_list("pk", flat=True)[:max_count])
    for pk in found:
        with transaction.atomic():
            # Since then its owner may have restored it, or another worker deleted it.
            clip = deletable.select_for_update(of=("self",)).select_related("output").filter(pk=pk).first()
            if clip is not None:
                output = clip.output
                forget_clips([clip.pk])
                clip.delete()
                if output is not None:
                    delete_unowned(asset=output)
    return len(found)


def review_exposure(*, job: RemoteJob, admin: User) -> None:
    """Record that an admin has reviewed an exposure."""
    RemoteJob.objects.filter(pk=job.pk, reviewed_at=None).update(reviewed_at=timezone.now(), reviewed_by=admin)
