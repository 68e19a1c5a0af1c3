"""Generations as engines see them: plain values, without the database."""

from collections.abc import Iterable
from pathlib import Path

from tchavi_studio.assets.models import Asset
from tchavi_studio.engines.base import EngineReference, EngineRequest

from .models import Generation, ReferenceRole


def local_request(generation: Generation) -> EngineRequest:
    """The request for a local engine: references are files on this machine."""
    references = sorted(generation.references.all(), key=lambda reference: reference.position)
    return engine_request(generation, [(reference.role, local_reference(reference.asset)) for reference in references])


def local_reference(asset: Asset) -> EngineReference:
    return EngineReference(content_type=asset.content_type, path=Path(asset.file.path))


def engine_request(generation: Generation, references: Iterable[tuple[str, EngineReference]]) -> EngineRequest:
    """The request as plain values. `references` are pairs of role and reference, sorted by position."""
    by_role: dict[str, list[EngineReference]] = {role: [] for role in ReferenceRole.values}
    for role, reference in references:
        by_role[role].append(reference)
    return EngineRequest(
        generation_id=str(generation.pk),
        model=generation.model,
        prompt=generation.prompt,
        duration_seconds=generation.duration_seconds,
        resolution=generation.resolution,
        aspect_ratio=generation.aspect_ratio,
        generate_audio=generation.generate_audio,
        seed=generation.seed,
        first_frame=next(iter(by_role[ReferenceRole.FIRST_FRAME]), None),
        last_frame=next(iter(by_role[ReferenceRole.LAST_FRAME]), None),
        reference_images=tuple(by_role[ReferenceRole.IMAGE]),
        reference_videos=tuple(by_role[ReferenceRole.VIDEO]),
        reference_audios=tuple(by_role[ReferenceRole.AUDIO]),
    )
