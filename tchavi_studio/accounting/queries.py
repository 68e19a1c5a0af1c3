"""Reads for play credits, and of the exposure."""

import datetime
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.timesince import timeuntil

from tchavi_studio.generations.failures import exposure_label
from tchavi_studio.generations.models import Generation, RemoteJob
from tchavi_studio.generations.queries import exposures
from tchavi_studio.ledger.models import Book, Kind, Transfer
from tchavi_studio.ledger.queries import granted_since
from tchavi_studio.workspaces.models import Workspace

from .reasons import PLAY


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
