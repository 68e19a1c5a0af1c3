"""What the workers run. A task is only a nudge to look at the rows: running one twice, or never, does no harm."""

import logging
import time
from pathlib import Path

from django.conf import settings

from tchavi_studio.assets.services import delete_stale_incoming
from tchavi_studio.engines.base import RenderCancelledError, RenderFailedError
from tchavi_studio.engines.preview import PreviewEngine

from . import lifecycle, nudges, services
from .crashpoints import CrashPoint, crashpoint
from .leases import Claim, lease
from .models import Generation
from .requests import local_request
from .slices import Slice, stop_is_asked
from .upstream import transfers
from .upstream.network import LiveNetwork
from .upstream.pump import Pump, has_work, settle_what_is_overdue
from .upstream.references import Route, reference_route
from .upstream.seats import keep_seat, leave_seat, take_seat

logger = logging.getLogger(__name__)

SLICE_SECONDS = 45
PUMP_SECONDS = 20
"""How long a pump sends; a submission's answer may take 22 s more, and a slice is to end within 45."""

PUMP_STEP_SECONDS = 0.2
PROGRESS_INTERVAL_SECONDS = 0.5


def render_waiting() -> None:
    """Render what waits, one after the other, for a slice of time; then let the next hint go on."""
    turn = Slice(SLICE_SECONDS)
    while not turn.is_over:
        claim = lifecycle.claim_next_render()
        if claim is None:
            return
        render_claimed(claim)
    nudges.nudge_forgotten_renders()


def render_claimed(claim: Claim) -> None:
    """Render one claimed preview to its end: completed, failed and refunded, or left to whoever holds it now."""
    crashpoint(CrashPoint.RENDER_CLAIMED)
    generation = Generation.objects.prefetch_related("references__asset").get(pk=claim.generation_id)
    path = Path(settings.FILE_UPLOAD_TEMP_DIR) / f"render-{claim.generation_id}-{claim.fence}.mp4"
    last_report = 0.0

    def on_progress(fraction: float) -> bool:
        nonlocal last_report
        now = time.monotonic()
        if now - last_report < PROGRESS_INTERVAL_SECONDS:
            return True
        if stop_is_asked():
            return False
        last_report = now
        return lifecycle.report_progress(claim, progress_percent=min(99, int(fraction * 100)))

    try:
        clip = PreviewEngine().render(local_request(generation), output_path=path, on_progress=on_progress)
    except RenderFailedError as failure:
        lifecycle.fail_generation(
            claim.generation_id, code=failure.code, message=failure.message, held_fence=claim.fence
        )
    except RenderCancelledError:
        # Ours no longer, or to be begun anew at the next start; then it need not wait for the lease to end.
        lifecycle.give_back_render(claim)
    else:
        crashpoint(CrashPoint.RENDERED)
        lifecycle.finish_generation(claim, path=clip.path, content_hash=clip.content_hash)


def pump_upstream() -> None:
    """Send clips to the provider and follow them there for a slice of time; then let the next hint go on.

    The seat is left when sending ends, so that the next pump begins while this one waits for its last answers.
    """
    seat = take_seat()
    if seat is None:
        return
    turn, keep_at = Slice(PUMP_SECONDS), 0.0
    with LiveNetwork() as network:
        pump = Pump(network)
        while has_work() and not turn.is_over:
            if time.monotonic() >= keep_at:
                if not keep_seat(seat):
                    break
                keep_at = time.monotonic() + lease().total_seconds() / 3
            pump.step(wait_seconds=PUMP_STEP_SECONDS)
        leave_seat(seat)
        if has_work() and not stop_is_asked():
            nudges.nudge_pump()
        while not pump.is_idle and not stop_is_asked():
            pump.step(wait_seconds=PUMP_STEP_SECONDS, may_send=False)
        pump.step(wait_seconds=PUMP_STEP_SECONDS, may_send=False)
        pump.abandon()


def transfer_waiting() -> None:
    """Fetch finished clips and upload references, one after the other, for a slice of time; clips come first."""
    turn = Slice(SLICE_SECONDS)
    while not turn.is_over:
        if (claim := transfers.claim_next_download()) is not None:
            transfers.download_claimed(claim)
        elif (claim := transfers.claim_next_upload()) is not None:
            transfers.upload_claimed(claim)
        else:
            return
    nudge_forgotten_transfers()


def nudge_forgotten_transfers() -> None:
    """Hint again while files wait, for hints that were lost with their worker, and for transfers to be tried again."""
    uploads = reference_route() == Route.UPLOADS and transfers.waiting_uploads().exists()
    if uploads or transfers.waiting_downloads().exists():
        nudges.nudge_transfers()


def sweep() -> None:
    """Find what fell through: work without a worker or a hint, what has had its time, and files to be deleted."""
    lifecycle.rescue_abandoned_renders()
    nudges.nudge_forgotten_renders()
    settle_what_is_overdue()
    if settings.STUDIO_MODE == "live":
        if has_work():
            nudges.nudge_pump()
        nudge_forgotten_transfers()
    services.purge_bin()
    lifecycle.delete_orphaned_outputs()
    delete_stale_incoming()
