"""Builds the JSON records that `/v1` answers with, as `client/records.py` declares them."""

from collections.abc import Collection
from datetime import timedelta
from typing import cast

from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from tchavi_studio.assets.models import Asset
from tchavi_studio.client.records import (
    AcceptedJobRecord,
    FileRecord,
    JobRecord,
    JobReferenceRecord,
    ModelRecord,
    NoteRecord,
    OutputRecord,
    PricingRecord,
    TransferRecord,
)
from tchavi_studio.engines.base import AUTO_DURATION_SECONDS
from tchavi_studio.engines.formats import ASPECT_RATIOS, RESOLUTIONS
from tchavi_studio.generations.hints import (
    KLING_ASPECT_RATIOS,
    KLING_MIN_DURATION_SECONDS,
    KLING_PROMPT_MAX_LENGTH,
    SEEDANCE_PROMPT_MAX_WORDS,
)
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.params import (
    DEFAULTS,
    MAX_DURATION_SECONDS,
    MAX_REFERENCE_AUDIOS,
    MAX_REFERENCE_IMAGES,
    MAX_REFERENCE_VIDEO_SECONDS,
    MAX_REFERENCE_VIDEOS,
    MIN_DURATION_SECONDS,
    MODELS,
    PROMPT_MAX_LENGTH,
    SEED_MAX,
    Problem,
)
from tchavi_studio.generations.price_list import Prices
from tchavi_studio.generations.records import job_facts, public_job_id, studio_record
from tchavi_studio.generations.validation import models_among
from tchavi_studio.ledger.models import StatementEntry
from tchavi_studio.webhooks.services import iso_utc

from .addresses import SIGNED_SECONDS, signed_url


def job_record(generation: Generation, request: HttpRequest) -> JobRecord:
    """A job's current record, with a new link to its clip."""
    # `job_facts` never has an output, but its type can't say so.
    record = JobRecord(**job_facts(generation), studio=studio_record(generation))  # type: ignore[typeddict-item]
    if generation.output is not None:
        record["output"] = _output_record(generation, generation.output, request)
    return record


def _output_record(generation: Generation, asset: Asset, request: HttpRequest) -> OutputRecord:
    return OutputRecord(
        # Taken before the link is made, so that the link works at least that long.
        url_expires_at=_expiry(),
        video_url=signed_url(asset, request),
        duration=_seconds(asset.duration_seconds) or 0,
        resolution=generation.resolution,
        file_size_mb=round(asset.byte_count / 1_000_000, 2),
    )


def accepted_record(
    generation: Generation, request: HttpRequest, *, warnings: list[NoteRecord], hints: list[NoteRecord]
) -> AcceptedJobRecord:
    """The record of a job that was just accepted, with the request's warnings and hints."""
    record = job_record(generation, request)
    reference = JobReferenceRecord(id=record["id"], status=record["status"])
    return AcceptedJobRecord(**record, job=reference, warnings=warnings, hints=hints)


def note_record(problem: Problem, index: int | None = None) -> NoteRecord:
    """One problem, warning or hint. `index` is the position, from 0, in the list that the field holds."""
    record = NoteRecord(param=problem.field, code=problem.code, message=problem.message)
    if index is not None:
        record["index"] = index
    return record


def file_record(asset: Asset, request: HttpRequest) -> FileRecord:
    """An uploaded file, with a link that serves as a reference."""
    return FileRecord(
        id=f"file_{asset.pk.hex}",
        url_expires_at=_expiry(),
        url=signed_url(asset, request),
        kind=asset.kind,
        content_type=asset.content_type,
        byte_count=asset.byte_count,
        width=asset.width,
        height=asset.height,
        duration=_seconds(asset.duration_seconds),
        needs_trim=asset.needs_trim,
    )


def transfer_record(entry: StatementEntry) -> TransferRecord:
    """One row of the statement. Reads `transfer`: use select_related for lists."""
    return TransferRecord(
        sequence=entry.row_number,
        kind=entry.kind,
        amount=entry.change_credits,
        balance_after=entry.balance_after_credits,
        job_id=public_job_id(entry.reference) if entry.reference else None,
        reason=entry.transfer.reason,
        created_at=iso_utc(entry.created_at),
    )


def model_records(prices: Prices, *, allowed_models: Collection[str] = ()) -> list[ModelRecord]:
    """One record per model, at these prices, that a workspace may use if it allows these models, none meaning all.

    All models take the same parameters; `hints` say what each does best.
    """
    return [
        ModelRecord(
            id=model,
            name=MODELS[model],
            parameters=_parameters(),
            pricing=cast(PricingRecord, {"unit": "credits_per_second", **prices[model]}),
            hints=_model_hints(model),
        )
        for model in models_among(allowed_models)
    ]


def _parameters() -> dict[str, dict[str, object]]:
    return {
        "prompt": {"max_length": PROMPT_MAX_LENGTH},
        "duration": {
            "minimum": MIN_DURATION_SECONDS,
            "maximum": MAX_DURATION_SECONDS,
            "auto": AUTO_DURATION_SECONDS,
            "default": DEFAULTS["duration"],
        },
        "resolution": {"options": list(RESOLUTIONS), "default": DEFAULTS["resolution"]},
        "aspect_ratio": {"options": list(ASPECT_RATIOS), "default": DEFAULTS["aspect_ratio"]},
        "generate_audio": {"default": DEFAULTS["generate_audio"]},
        "seed": {"minimum": 0, "maximum": SEED_MAX},
        "reference_images": {"max_items": MAX_REFERENCE_IMAGES},
        "reference_videos": {"max_items": MAX_REFERENCE_VIDEOS, "max_total_seconds": MAX_REFERENCE_VIDEO_SECONDS},
        "reference_audios": {"max_items": MAX_REFERENCE_AUDIOS},
    }


def _model_hints(model: str) -> list[str]:
    if model == "kling-v3":
        return [
            _("Natively supports %(min)s–%(max)s s.")
            % {"min": KLING_MIN_DURATION_SECONDS, "max": MAX_DURATION_SECONDS},
            _("Natively supports %(ratios)s.") % {"ratios": ", ".join(KLING_ASPECT_RATIOS)},
            _("Natively supports prompts of up to %(max)s characters.")
            % {"max": number_format(KLING_PROMPT_MAX_LENGTH)},
        ]
    return [_("Works best with prompts of up to %(max)s words.") % {"max": number_format(SEEDANCE_PROMPT_MAX_WORDS)}]


def _expiry() -> str:
    return iso_utc(timezone.now() + timedelta(seconds=SIGNED_SECONDS))


def _seconds(duration_seconds: float | None) -> float | None:
    return None if duration_seconds is None else round(duration_seconds, 2)
