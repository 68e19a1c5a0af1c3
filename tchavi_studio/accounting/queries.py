"""Reads for the Credits page."""

import datetime
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone
from django.utils.timesince import timeuntil

from tchavi_studio.generations.models import Generation
from tchavi_studio.ledger.models import Book, Transfer
from tchavi_studio.ledger.queries import granted_since, statement
from tchavi_studio.workspaces.models import Workspace

from .reasons import PLAY, reason_label

ROWS_PER_PAGE = 50


@dataclass(frozen=True, kw_only=True)
class StatementRow:
    """One transfer as the statement shows it. `clip` is None for grants, and for clips that were deleted for good."""

    transfer: Transfer
    clip: Generation | None

    @property
    def reason(self) -> str:
        return reason_label(self.transfer.reason)


@dataclass(frozen=True, kw_only=True)
class StatementPage:
    """A page of the statement, newest first. `newer` and `older` are the sequences to go on from, None at the ends."""

    rows: list[StatementRow]
    newer: int | None
    older: int | None


def statement_page(
    *, workspace: Workspace, kind: str = "", before: int | None = None, after: int | None = None
) -> StatementPage:
    """The transfers of one kind (or all) in the book in force, from the newest or from a sequence on.

    `before` asks for the rows that are older than a sequence, `after` for those just newer; give at most one. Rows are
    found by their place in the chain, so a page stays the same however many are written meanwhile, and the thousandth
    costs what the first does.
    """
    transfers = statement(workspace=workspace, book=settings.STUDIO_BOOK)
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
    clips = Generation.objects.filter(workspace=workspace).in_bulk([t.reference for t in found if t.reference])
    rows = [StatementRow(transfer=t, clip=clips.get(t.reference) if t.reference else None) for t in found]
    return StatementPage(
        rows=rows,
        newer=found[0].sequence if found and more_newer else None,
        older=found[-1].sequence if found and more_older else None,
    )


@dataclass(frozen=True, kw_only=True)
class PlayAllowance:
    """What a workspace may still add today. A day ends at midnight in the studio's time zone (TIME_ZONE)."""

    per_day_credits: int
    left_credits: int
    next_credits: int
    resets_at: datetime.datetime

    @property
    def wait(self) -> str:
        """How long from now until the day ends, in words."""
        return timeuntil(self.resets_at, timezone.now())


def play_allowance(*, workspace: Workspace) -> PlayAllowance:
    """How many play credits the workspace may add now: nothing in live mode. To rely on it, hold the wallet's lock."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    per_day = settings.STUDIO_PLAY_CREDITS_PER_DAY if settings.STUDIO_BOOK == Book.SANDBOX else 0
    added = granted_since(workspace=workspace, book=Book.SANDBOX, since=midnight, reason=PLAY)
    left = max(0, per_day - added)
    return PlayAllowance(
        per_day_credits=per_day,
        left_credits=left,
        next_credits=min(left, settings.STUDIO_PLAY_CREDITS),
        resets_at=midnight + datetime.timedelta(days=1),
    )
