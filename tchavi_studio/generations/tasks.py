"""The tasks that workers run. A task is only a wake-up: running it twice, or never, does no harm."""

import logging
import time
from pathlib import Path

from django.conf import settings
from django.db.models import CharField, Value
from django.utils import timezone

from tchavi_studio.assets.services import delete_stale_incoming, output_verifier, sweep_deleted
from tchavi_studio.engines.base import RenderCancelledError, RenderFailedError
from tchavi_studio.engines.preview import PreviewEngine
from tchavi_studio.runtime.crashpoints import CrashPoint, crashpoint
from tchavi_studio.runtime.leases import Claim, free
from tchavi_studio.runtime.parts import run_each
from tchavi_studio.runtime.slices import Slice, stop_requested

from . import approvals, clock, closing, lifecycle, services, wakeups
from .bulk import jobs
from .models import IS_OPEN, Discard, Engine, Generation
from .requests import local_request
from .upstream import transfers
from .upstream.network import LiveNetwork
from .upstream.pump import Pump, has_work, settle_what_is_overdue
from .upstream.references import Route, reference_route
from .upstream.slots import take_slot

logger = logging.getLogger(__name__)

SLICE_SECONDS = 45
PUMP_SECONDS = 20
"""How long a pump sends. A submission's answer may take another 22 s, and a slice should end within 45 s."""

DISCARD_SECONDS = 5
BULK_SECONDS = 5
PUMP_STEP_SECONDS = 0.2
PROGRESS_INTERVAL_SECONDS = 0.5


def render_waiting() -> None:
    """Render waiting previews one by one for a slice of time, then leave the rest to the next wake-up."""
    turn = Slice(SLICE_SECONDS)
    while not turn.is_over:
        claim = lifecycle.claim_next_render()
        if claim is None:
            return
        render_claimed(claim)
    wakeups.wake_renders_if_any_wait()


def render_claimed(claim: Claim[Generation]) -> None:
    """Render a claimed preview: it ends up completed, failed and refunded, or with the worker that took it over."""
    crashpoint(CrashPoint.RENDER_CLAIMED)
    generation = Generation.objects.prefetch_related("references__asset").get(pk=claim.pk)
    path = Path(settings.FILE_UPLOAD_TEMP_DIR) / f"render-{claim.pk}-{claim.token}.mp4"
    last_report = 0.0

    def on_progress(fraction: float) -> bool:
        nonlocal last_report
        now = time.monotonic()
        if now - last_report < PROGRESS_INTERVAL_SECONDS:
            return True
        if stop_requested():
            return False
        last_report = now
        return lifecycle.report_progress(claim, progress_percent=min(99, int(fraction * 100)))

    with output_verifier() as verify:
        try:
            clip = PreviewEngine().render(local_request(generation), output_path=path, on_progress=on_progress)
        except RenderFailedError as failure:
            lifecycle.fail_generation(claim.pk, code=failure.code, figures=failure.figures, only_if=claim.held)
        except RenderCancelledError:
            # Either we lost the claim, or we were asked to stop: then the next worker needn't wait for the lease's end.
            lifecycle.give_back_render(claim)
        else:
            crashpoint(CrashPoint.RENDERED)
            lifecycle.finish_generation(claim, path=clip.path, content_hash=clip.content_hash, verify=verify)


def pump_upstream() -> None:
    """Send clips to the provider and follow them for a slice of time, then leave the rest to the next wake-up.

    The slot is released when sending ends, so that the next pump can start while this one waits for its last answers.
    """
    slot = take_slot()
    if slot is None:
        return
    turn, renew_at = Slice(PUMP_SECONDS), 0.0
    with LiveNetwork() as network:
        pump = Pump(network)
        while has_work() and not turn.is_over:
            if time.monotonic() >= renew_at:
                if not slot.renew():
                    break
                renew_at = time.monotonic() + slot.lease.total_seconds() / 3
            pump.step(wait_seconds=PUMP_STEP_SECONDS)
        slot.release()
        if has_work() and not stop_requested():
            wakeups.wake_pump()
        while not pump.is_idle and not stop_requested():
            pump.step(wait_seconds=PUMP_STEP_SECONDS, may_send=False)
        pump.step(wait_seconds=PUMP_STEP_SECONDS, may_send=False)
        pump.abandon()


def transfer_waiting() -> None:
    """Fetch finished clips and upload references one by one for a slice of time. Clips come first."""
    turn = Slice(SLICE_SECONDS)
    while not turn.is_over:
        if (claim := transfers.claim_next_download()) is not None:
            transfers.download_claimed(claim)
        elif (claim := transfers.claim_next_upload()) is not None:
            transfers.upload_claimed(claim)
        else:
            return
    wake_transfers_if_any_wait()


def wake_transfers_if_any_wait() -> None:
    """Wake a transfer worker if files are waiting: their wake-up may have been lost, or a retry may be due."""
    uploads = reference_route() == Route.UPLOADS and transfers.waiting_uploads().exists()
    if uploads or transfers.waiting_downloads().exists():
        wakeups.wake_transfers()


def discard_waiting() -> None:
    """Delete what people discarded for a slice of time, then leave the rest to the next wake-up."""
    turn = Slice(DISCARD_SECONDS)
    while services.discard_some():
        if turn.is_over:
            wakeups.wake_discards()
            return


def work_on_bulk_jobs() -> None:
    """Do batches of people's bulk jobs for a slice of time, then leave the rest to the next wake-up."""
    turn = Slice(BULK_SECONDS)
    while (claim := jobs.claim_next_job()) is not None:
        if jobs.do_batch(claim):
            claim.release()
        if turn.is_over:
            wake_bulk_jobs_if_any_wait()
            return


def wake_bulk_jobs_if_any_wait() -> None:
    """Wake a worker if a bulk job waits to go on: its wake-up may have been lost, or its worker."""
    if jobs.jobs_to_do().filter(free(timezone.now())).exists():
        wakeups.wake_bulk_jobs()


def sweep() -> None:
    """Catch what slipped through: work without a worker or wake-up, and missed deadlines."""
    any_open = Generation.objects.filter(IS_OPEN, engine__in=Engine.values).exists()
    if any_open:
        lifecycle.rescue_abandoned_renders()
        wakeups.wake_renders_if_any_wait()
        settle_what_is_overdue()
    asked = _asked_of_workers()
    if "discards" in asked:
        wakeups.wake_discards()
    if "bulk jobs" in asked:
        wakeups.wake_bulk_jobs()
    if settings.STUDIO_MODE == "live":
        if has_work():
            wakeups.wake_pump()
        if any_open:
            wake_transfers_if_any_wait()


def _asked_of_workers() -> set[str]:
    """What people have asked for and no worker is at, in one statement."""
    discards, bulk_jobs = (Value(name, output_field=CharField()) for name in ("discards", "bulk jobs"))
    waiting_jobs = jobs.jobs_to_do().order_by().filter(free(timezone.now()))
    found = Discard.objects.values_list(discards).union(waiting_jobs.values_list(bulk_jobs))
    return {name for (name,) in found}


def clean_up() -> None:
    """Delete what is over: clips that were in the bin for long or stored for nobody, closed workspaces, stray files.

    Also get what a wrong clock has put off going again.
    """
    run_each(
        clock_correction=clock.bring_back_moments,
        bin_clean_up=services.purge_bin,
        expired_requests_clean_up=approvals.end_expired_requests,
        old_bulk_jobs_clean_up=jobs.delete_old_jobs,
        old_requests_clean_up=approvals.delete_old_requests,
        workspaces_clean_up=closing.empty_closed_workspaces,
        outputs_clean_up=lifecycle.delete_orphaned_outputs,
        deleted_files_clean_up=sweep_deleted,
        incoming_files_clean_up=delete_stale_incoming,
    )
