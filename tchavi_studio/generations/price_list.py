"""The published prices, and what an operator may put in their place in the first version of a studio's list.

No Django: the settings use it to check STUDIO_PRICES.

Source: the API's published prices (480p 260 credits a second, 720p 580, for both models; auto is billed as 10 s). An
operator may override them with STUDIO_PRICES, for instance if the provider charges extra for audio:
`{"kling-v3": {"480p": 260, "720p": 580, "audio_surcharge": 40}}`, all in credits per second.
"""

from collections.abc import Mapping
from typing import Any

from environs import ValidationError

from tchavi_studio.engines.formats import RESOLUTIONS

from .params import MODELS

PUBLISHED_CREDITS_PER_SECOND = {"480p": 260, "720p": 580}
AUDIO_SURCHARGE = "audio_surcharge"
MAX_CREDITS_PER_SECOND = 1_000_000
PRICED = (*RESOLUTIONS, AUDIO_SURCHARGE)

Prices = dict[str, dict[str, int]]
"""Credits per second by model, then by one of PRICED."""


def published_prices(overrides: Mapping[str, Mapping[str, int]] | None = None) -> Prices:
    """A complete price list: the published prices, except where `overrides` has others."""
    published = {**PUBLISHED_CREDITS_PER_SECOND, AUDIO_SURCHARGE: 0}
    return {model: {**published, **(overrides or {}).get(model, {})} for model in MODELS}


def credits_per_second(prices: Prices, *, model: str, resolution: str, with_audio: bool) -> int:
    """What a second of such a clip costs."""
    return prices[model][resolution] + (prices[model][AUDIO_SURCHARGE] if with_audio else 0)


def rise_percent(old_credits: int, new_credits: int) -> float | None:
    """By how many percent a price rises, negative if it falls; None if there was none."""
    return (new_credits - old_credits) / old_credits * 100 if old_credits else None


def require_prices(overrides: Any) -> None:
    """Refuse unknown models and resolutions, and anything but whole credits. Raises ValidationError."""
    if not isinstance(overrides, dict):
        raise ValidationError("Must be a JSON object, with models as its keys.")
    for model, changed in overrides.items():
        if model not in MODELS:
            raise ValidationError(f"Unknown model {model!r}; choose from {', '.join(MODELS)}.")
        if not isinstance(changed, dict):
            raise ValidationError(f"{model} must be a JSON object, with resolutions as its keys.")
        for name, credits in changed.items():
            if name not in PRICED:
                raise ValidationError(f"Unknown price {model}.{name}; choose from {', '.join(PRICED)}.")
            # True is a whole number to Python.
            if type(credits) is not int or not 0 <= credits <= MAX_CREDITS_PER_SECOND:
                raise ValidationError(f"{model}.{name} must be whole credits from 0 to {MAX_CREDITS_PER_SECOND}.")
