"""Reads for the Credits page."""

import datetime
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.timesince import timeuntil

from tchavi_studio.generations.failures import exposure_label
from tchavi_studio.generations.models import Generation, RemoteJob
from tchavi_studio.generations.queries import exposures
from tchavi_studio.generations.visibility import is_visible_to
from tchavi_studio.ledger.models import Book, Kind, Transfer
from tchavi_studio.ledger.queries import granted_since, statement
from tchavi_studio.workspaces.models import Membership, Permission, Workspace

from .reasons import PLAY, reason_label

ROWS_PER_PAGE = 50


@dataclass(frozen=True, kw_only=True)
class StatementRow:
    """One transfer as the statement shows it. `clip` is set if the viewer may see it.

    Those who audit get a clip that they may not see as `private_clip`, for its figures alone. `is_deleted`
    distinguishes a permanently deleted clip from one the viewer may not see.
    """

    transfer: Transfer
    clip: Generation | None
    private_clip: Generation | None
    is_deleted: bool

    @property
    def reason(self) -> str:
        return reason_label(self.transfer.reason, is_refund=self.transfer.kind == Kind.REFUND)


@dataclass(frozen=True, kw_only=True)
class StatementPage:
    """A page of the statement, newest first. `newer` and `older` are the sequences to go on from, None at the ends."""

    rows: list[StatementRow]
    newer: int | None
    older: int | None


def statement_page(
    *, membership: Membership, kind: str = "", before: int | None = None, after: int | None = None
) -> StatementPage:
    """A page of the current book's transfers, all or of one kind, starting with the newest or at a sequence.

    `before` selects the rows older than a sequence, `after` those just newer; give at most one. Keyset pagination:
    new transfers don't shift the pages, and every page costs the same.
    """
    transfers = statement(workspace=membership.workspace, book=settings.STUDIO_BOOK)
    if kind:
        transfers = transfers.filter(kind=kind)
    if after is not None:
        nearest = list(transfers.filter(sequence__gt=after).order_by("sequence")[: ROWS_PER_PAGE + 1])
        found, more_newer, more_older = nearest[:ROWS_PER_PAGE][::-1], len(nearest) > ROWS_PER_PAGE, True
    else:
        if before is not None:
            transfers = transfers.filter(sequence__lt=before)
        found = list(transfers[: ROWS_PER_PAGE + 1])
        more_newer, more_older = before is not None, len(found) > ROWS_PER_PAGE
        found = found[:ROWS_PER_PAGE]
    return StatementPage(
        rows=_statement_rows(membership, found),
        newer=found[0].sequence if found and more_newer else None,
        older=found[-1].sequence if found and more_older else None,
    )


def _statement_rows(membership: Membership, transfers: list[Transfer]) -> list[StatementRow]:
    references = [transfer.reference for transfer in transfers if transfer.reference]
    # By id alone: with the workspace beside it, a database may choose to read all of the workspace's clips.
    clips = Generation.objects.in_bulk(references)
    return [_statement_row(membership, transfer, clips.get(transfer.reference)) for transfer in transfers]


def _statement_row(membership: Membership, transfer: Transfer, clip: Generation | None) -> StatementRow:
    if clip is not None and clip.workspace_id != transfer.workspace_id:
        clip = None
    is_visible = clip is not None and is_visible_to(membership, clip)
    return StatementRow(
        transfer=transfer,
        clip=clip if is_visible else None,
        private_clip=clip if not is_visible and membership.can(Permission.AUDIT) else None,
        is_deleted=clip is None,
    )


@dataclass(frozen=True, kw_only=True)
class PlayAllowance:
    """The play credits a workspace may still add today. Days end at midnight in the studio's time zone (TIME_ZONE)."""

    per_day_credits: int
    left_credits: int
    next_credits: int
    resets_at: datetime.datetime

    @property
    def wait(self) -> str:
        """The time left until the day ends, in words."""
        return timeuntil(self.resets_at, timezone.now())


def play_allowance(*, workspace: Workspace) -> PlayAllowance:
    """The play credits the workspace may add now; none in live mode. Exact only while you hold the wallet's lock."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    per_day = settings.STUDIO_PLAY_CREDITS_PER_DAY if settings.STUDIO_BOOK == Book.SANDBOX else 0
    added = granted_since(midnight, workspace=workspace, book=Book.SANDBOX, reason=PLAY)
    left = max(0, per_day - added)
    return PlayAllowance(
        per_day_credits=per_day,
        left_credits=left,
        next_credits=min(left, settings.STUDIO_PLAY_CREDITS),
        resets_at=midnight + datetime.timedelta(days=1),
    )


# --- For site admins --------------------------------------------------------------------------------------------------

MAX_EXPOSURES = 200


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """A clip we refunded although the provider may have billed it. Its credits are the studio ledger's."""

    job: RemoteJob
    clip: Generation
    charged_credits: int
    refunded_credits: int

    @property
    def reason(self) -> str:
        return exposure_label(self.clip.error_code)


@dataclass(frozen=True, kw_only=True)
class ExposureList:
    """The clips to review, oldest first; `is_cut` if there are more than `MAX_EXPOSURES`."""

    rows: list[Exposure]
    is_cut: bool


def exposure_list() -> ExposureList:
    """Every unreviewed exposure, from all workspaces; for site admins only."""
    jobs = list(exposures()[: MAX_EXPOSURES + 1])
    shown = jobs[:MAX_EXPOSURES]
    moved: dict[tuple[object, str], int] = {
        (reference, kind): amount_credits
        for reference, kind, amount_credits in Transfer.objects.filter(
            reference__in=[job.pk for job in shown], kind__in=[Kind.CHARGE, Kind.REFUND]
        ).values_list("reference", "kind", "amount_credits")
    }
    rows = [
        Exposure(
            job=job,
            clip=job.generation,
            charged_credits=moved.get((job.pk, Kind.CHARGE), 0),
            refunded_credits=moved.get((job.pk, Kind.REFUND), 0),
        )
        for job in shown
        if job.generation is not None
    ]
    return ExposureList(rows=rows, is_cut=len(jobs) > MAX_EXPOSURES)


def exposure_to_review(reference: UUID) -> RemoteJob | None:
    """The unreviewed exposure with this reference; None if there is none."""
    return exposures().filter(pk=reference).first()
