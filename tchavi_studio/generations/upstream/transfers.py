"""Uploading references to the provider, and fetching finished clips from it.

Transfers run in a separate cluster, so that a slow connection delays no poll and no render.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from tchavi_studio.assets.limits import RefusedFileError
from tchavi_studio.assets.models import Asset
from tchavi_studio.engines.base import (
    AccountRefusedError,
    EngineError,
    OutOfBudgetError,
    OutputExpiredError,
    RefusedError,
    RemoteState,
    Retrieved,
    UploadedReference,
)
from tchavi_studio.engines.tchavi import fetch_output
from tchavi_studio.generations.failures import output_failure_code
from tchavi_studio.generations.lifecycle import claim_next, fail_generation, save_output
from tchavi_studio.generations.models import (
    IS_OPEN,
    Engine,
    Generation,
    GenerationReference,
    RemoteFile,
    RemoteJob,
    State,
)
from tchavi_studio.generations.requests import local_reference
from tchavi_studio.runtime.crashpoints import CrashPoint, crashpoint
from tchavi_studio.runtime.leases import Claim, ClaimLostError, StopRequestedError, free, while_held

from . import account
from .network import ask
from .references import UPLOAD_MARGIN, Route, missing_uploads, reference_route

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer", Retrieved, UploadedReference)

TRANSFER_SECONDS = 200.0
"""How long one file may take; less than the cluster's limit for a task."""

MAX_DAMAGED_DOWNLOADS = 4
"""A clip that arrives damaged this often must be damaged at the provider."""

FIRST_RETRY_SECONDS = 2.0
MAX_RETRY_SECONDS = 60.0
UPLOAD_LIFETIME = timedelta(hours=12)
"""How long we expect an upload to last if the provider doesn't say."""

MIN_UPLOAD_USE = timedelta(minutes=5)
"""How long requests use an upload, however soon it is said to expire."""


# --- Claims -----------------------------------------------------------------------------------------------------------


def waiting_downloads() -> QuerySet[Generation]:
    """Clips that the provider has finished and nobody is fetching."""
    return _waiting(State.SAVING)


def waiting_uploads() -> QuerySet[Generation]:
    """Waiting clips with references to upload that nobody is working on."""
    missing = GenerationReference.objects.filter(missing_uploads(now=timezone.now()), generation=OuterRef("pk"))
    return _waiting(State.QUEUED).filter(Exists(missing))


def _waiting(state: State) -> QuerySet[Generation]:
    rows = Generation.objects.filter(IS_OPEN, free(timezone.now()), engine=Engine.TCHAVI, state=state)
    return rows.order_by("created_at", "id")


def claim_next_download() -> Claim[Generation] | None:
    return claim_next(waiting_downloads())


def claim_next_upload() -> Claim[Generation] | None:
    return claim_next(waiting_uploads()) if reference_route() == Route.UPLOADS else None


def _retry_later(claim: Claim[Generation], *, delay_seconds: float | None = None) -> None:
    """Release the row, but let nobody claim it for `delay_seconds`; by default longer after each attempt."""
    attempt_count = claim.rows.values_list("attempt_count", flat=True).first() or 1
    growing = min(MAX_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(attempt_count - 1, 10))
    seconds = growing if delay_seconds is None else delay_seconds
    claim.release(not_before=timezone.now() + timedelta(seconds=seconds))


# --- Finished clips ---------------------------------------------------------------------------------------------------


def download_claimed(claim: Claim[Generation]) -> None:
    """Fetch a finished clip, verify it and complete its generation, or leave it for another attempt."""
    crashpoint(CrashPoint.DOWNLOAD_CLAIMED)
    job = RemoteJob.objects.get(reference=claim.pk)
    path = Path(settings.FILE_UPLOAD_TEMP_DIR) / f"download-{claim.pk}-{claim.token}.mp4"
    try:
        while_held(claim, lambda: _fetch(job.output_url, path))
        crashpoint(CrashPoint.DOWNLOADED)
        save_output(claim, path=path)
    except ClaimLostError:
        logger.info("Generation %s is no longer ours to save.", claim.pk)
    except StopRequestedError:
        _retry_later(claim, delay_seconds=0)
    except OutputExpiredError:
        _renew_output_url(claim, job)
    except RefusedFileError as refusal:
        logger.warning("The clip of generation %s arrived damaged: %s", claim.pk, refusal.code)
        _damaged(claim, job, refusal)
    except EngineError as error:
        logger.warning("The clip of generation %s could not be fetched: %s", claim.pk, error.code)
        _retry_later(claim)
    except OSError as error:
        # Probably a full disk. The clip is paid for, so keep trying until its deadline.
        logger.error("The clip of generation %s could not be stored: %s", claim.pk, error.strerror)
        _retry_later(claim)
    finally:
        path.unlink(missing_ok=True)


def _fetch(url: str, path: Path) -> str:
    return fetch_output(
        url,
        path,
        base_url=settings.STUDIO_PROVIDER_URL,
        allowed_peers=settings.STUDIO_OUTBOUND_ALLOW,
        timeout_seconds=TRANSFER_SECONDS,
    )


def _renew_output_url(claim: Claim[Generation], job: RemoteJob) -> None:
    """Ask the job for a fresh URL, because this one has expired."""
    assert job.remote_id is not None
    remote_id = job.remote_id
    retrieved = _within_budget(lambda: ask(lambda engine: engine.retrieve(remote_id)))
    snapshot = retrieved.snapshot if retrieved else None
    if snapshot is not None and snapshot.state == RemoteState.FAILED:
        RemoteJob.objects.filter(pk=job.pk).update(refunded_credits=snapshot.refunded_credits)
        fail_generation(
            claim.pk,
            code=snapshot.error_code or "upstream_failed",
            message=snapshot.error_message,
            sources={State.SAVING},
            only_if=claim.held,
        )
    elif snapshot is not None and snapshot.output_url and snapshot.output_url != job.output_url:
        RemoteJob.objects.filter(pk=job.pk).update(output_url=snapshot.output_url)
        _retry_later(claim, delay_seconds=0)
    else:
        _retry_later(claim)


def _damaged(claim: Claim[Generation], job: RemoteJob, refusal: RefusedFileError) -> None:
    RemoteJob.objects.filter(pk=job.pk).update(damaged_count=F("damaged_count") + 1)
    if job.damaged_count + 1 < MAX_DAMAGED_DOWNLOADS:
        _retry_later(claim)
        return
    # The provider made and billed it: admins may want to reclaim the credits.
    fail_generation(
        claim.pk,
        code=output_failure_code(refusal.code),
        sources={State.SAVING},
        only_if=claim.held,
        needs_review=True,
    )


# --- References -------------------------------------------------------------------------------------------------------


def upload_claimed(claim: Claim[Generation]) -> None:
    """Upload a clip's references one by one. A finished upload isn't repeated."""
    references = GenerationReference.objects.filter(missing_uploads(now=timezone.now()), generation=claim.pk)
    assets = {reference.asset_id: reference.asset for reference in references.select_related("asset")}
    try:
        for asset in assets.values():
            if not _upload(claim, asset):
                _retry_later(claim)
                return
    except ClaimLostError:
        return
    except StopRequestedError:
        pass
    except RefusedError as error:
        fail_generation(claim.pk, code=error.code, message=error.message, only_if=claim.held)
        return
    _retry_later(claim, delay_seconds=0)


def _upload(claim: Claim[Generation], asset: Asset) -> bool:
    reference = local_reference(asset)
    uploaded = _within_budget(lambda: while_held(claim, lambda: ask(lambda engine: engine.upload(reference))))
    if uploaded is None:
        return False
    crashpoint(CrashPoint.REFERENCE_UPLOADED)
    now = timezone.now()
    # If the provider keeps files only briefly, uploading again wouldn't help, and we would never stop.
    expires_at = max(uploaded.expires_at or now + UPLOAD_LIFETIME, now + UPLOAD_MARGIN + MIN_UPLOAD_USE)
    RemoteFile.objects.update_or_create(
        asset=asset, base_url=settings.STUDIO_PROVIDER_URL, defaults={"url": uploaded.url, "expires_at": expires_at}
    )
    return True


def _within_budget(request: Callable[[], Answer]) -> Answer | None:
    """Make one request if the account's budget allows it now. None if it doesn't, or there was no useful answer."""
    if not account.take_requests(1):
        return None
    try:
        answer = request()
    except OutOfBudgetError as error:
        account.record_too_many_requests(error.retry_after_seconds, error.budget)
        return None
    except AccountRefusedError as error:
        account.pause_submissions(error, model="")
        return None
    except RefusedError:
        raise
    except EngineError:
        account.record_failure()
        return None
    account.record_answer(answer.budget, is_question=True)
    return answer
