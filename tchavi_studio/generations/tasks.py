"""What the workers run. A task is only a nudge to look at the rows: running one twice, or never, does no harm."""

import logging
import time
from pathlib import Path

from django.conf import settings

from tchavi_studio.assets.services import delete_stale_incoming
from tchavi_studio.engines.base import EngineReference, EngineRequest, RenderCancelledError, RenderFailedError
from tchavi_studio.engines.preview import PreviewEngine

from . import lifecycle, nudges, services
from .models import Generation, GenerationReference, ReferenceRole

logger = logging.getLogger(__name__)

SLICE_SECONDS = 45
PROGRESS_INTERVAL_SECONDS = 0.5


def render_waiting() -> None:
    """Render what waits, one after the other, for a slice of time; then let the next hint go on."""
    slice_ends = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < slice_ends:
        claim = lifecycle.claim_next_render()
        if claim is None:
            return
        render_claimed(claim)
    nudges.nudge_forgotten_renders()


def render_claimed(claim: lifecycle.Claim) -> None:
    """Render one claimed preview to its end: completed, failed and refunded, or left to whoever holds it now."""
    generation = Generation.objects.prefetch_related("references__asset").get(pk=claim.generation_id)
    path = Path(settings.FILE_UPLOAD_TEMP_DIR) / f"render-{claim.generation_id}-{claim.fence}.mp4"
    last_report = 0.0

    def on_progress(fraction: float) -> bool:
        nonlocal last_report
        now = time.monotonic()
        if now - last_report < PROGRESS_INTERVAL_SECONDS:
            return True
        last_report = now
        return lifecycle.report_progress(claim, progress_percent=min(99, int(fraction * 100)))

    try:
        clip = PreviewEngine().render(engine_request(generation), output_path=path, on_progress=on_progress)
    except RenderFailedError as failure:
        lifecycle.fail_generation(
            claim.generation_id, code=failure.code, message=failure.message, held_fence=claim.fence
        )
    except RenderCancelledError:
        logger.info("Generation %s is no longer ours to render.", claim.generation_id)
    else:
        lifecycle.finish_generation(claim, path=clip.path, content_hash=clip.content_hash)


def engine_request(generation: Generation) -> EngineRequest:
    """The row as an engine is given it: plain values, references as paths of this machine."""
    by_role: dict[str, list[GenerationReference]] = {role: [] for role in ReferenceRole.values}
    for reference in sorted(generation.references.all(), key=lambda reference: reference.position):
        by_role[reference.role].append(reference)

    def media(role: ReferenceRole) -> tuple[EngineReference, ...]:
        assets = (reference.asset for reference in by_role[role])
        return tuple(EngineReference(content_type=asset.content_type, path=Path(asset.file.path)) for asset in assets)

    return EngineRequest(
        generation_id=str(generation.pk),
        model=generation.model,
        prompt=generation.prompt,
        duration_seconds=generation.duration_seconds,
        resolution=generation.resolution,
        aspect_ratio=generation.aspect_ratio,
        generate_audio=generation.generate_audio,
        seed=generation.seed,
        first_frame=next(iter(media(ReferenceRole.FIRST_FRAME)), None),
        last_frame=next(iter(media(ReferenceRole.LAST_FRAME)), None),
        reference_images=media(ReferenceRole.IMAGE),
        reference_videos=media(ReferenceRole.VIDEO),
        reference_audios=media(ReferenceRole.AUDIO),
    )


def sweep() -> None:
    """Find what fell through: renders without a worker, work without a hint, and files whose time is over."""
    lifecycle.rescue_abandoned_renders()
    nudges.nudge_forgotten_renders()
    services.purge_bin()
    lifecycle.delete_orphaned_outputs()
    delete_stale_incoming()
