"""`GET /v1/models`: every model with its parameters, prices and native ranges, from the core's own tables."""

from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from tchavi_studio.engines.base import AUTO_DURATION_SECONDS
from tchavi_studio.engines.formats import ASPECT_RATIOS, RESOLUTIONS
from tchavi_studio.generations.params import (
    DEFAULTS,
    KLING_ASPECT_RATIOS,
    KLING_MIN_DURATION_SECONDS,
    KLING_PROMPT_MAX_LENGTH,
    MAX_DURATION_SECONDS,
    MAX_REFERENCE_AUDIOS,
    MAX_REFERENCE_IMAGES,
    MAX_REFERENCE_VIDEO_SECONDS,
    MAX_REFERENCE_VIDEOS,
    MIN_DURATION_SECONDS,
    MODELS,
    PROMPT_MAX_LENGTH,
    SEED_MAX,
    SEEDANCE_PROMPT_MAX_WORDS,
)
from tchavi_studio.generations.prices import AUDIO_SURCHARGE, price_list


def model_records() -> list[dict[str, Any]]:
    """One record per model. Every model takes the same parameters; `hints` say where one is at home."""
    prices = price_list()
    return [
        {
            "id": model,
            "name": name,
            "parameters": _parameters(),
            "pricing": {
                "unit": "credits_per_second",
                **{resolution: prices[model][resolution] for resolution in RESOLUTIONS},
                AUDIO_SURCHARGE: prices[model][AUDIO_SURCHARGE],
            },
            "hints": _hints(model),
        }
        for model, name in MODELS.items()
    ]


def _parameters() -> dict[str, Any]:
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


def _hints(model: str) -> list[str]:
    if model == "kling-v3":
        return [
            _("Natively makes %(least)s–%(most)s s.")
            % {"least": KLING_MIN_DURATION_SECONDS, "most": MAX_DURATION_SECONDS},
            _("Natively makes %(ratios)s.") % {"ratios": ", ".join(KLING_ASPECT_RATIOS)},
            _("Natively reads prompts of up to %(most)s characters.")
            % {"most": number_format(KLING_PROMPT_MAX_LENGTH)},
        ]
    return [_("Is best with prompts of up to %(most)s words.") % {"most": number_format(SEEDANCE_PROMPT_MAX_WORDS)}]
