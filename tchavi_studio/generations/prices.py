"""The price list, and what a request costs. The form, `/v1` and the charge share one list.

Source: the API's published prices (480p 260 credits a second, 720p 580, for both models; auto is billed as 10 s). An
operator may override them with STUDIO_PRICES, for instance if the provider charges extra for audio:
`{"kling-v3": {"480p": 260, "720p": 580, "audio_surcharge": 40}}`, all in credits per second.
"""

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from tchavi_studio.engines.formats import RESOLUTIONS

from .params import MODELS, GenerationParams
from .validation import Validated

PUBLISHED_CREDITS_PER_SECOND = {"480p": 260, "720p": 580}
AUDIO_SURCHARGE = "audio_surcharge"
PRICED_FIELDS = frozenset({"model", "duration", "resolution", "generate_audio"})
"""Everything the price depends on. The prompt isn't among them, so the price shows before there is one."""


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What one clip costs, in whole credits."""

    total_credits: int
    per_second_credits: int
    billed_seconds: int


def quote(params: GenerationParams) -> Quote:
    """The price of one clip. The price shown is the price charged: both come from here."""
    prices = price_list()[params.model]
    per_second_credits = prices[params.resolution] + (prices[AUDIO_SURCHARGE] if params.generate_audio else 0)
    return Quote(
        total_credits=per_second_credits * params.billed_seconds,
        per_second_credits=per_second_credits,
        billed_seconds=params.billed_seconds,
    )


def quote_unfinished(validated: Validated) -> Quote | None:
    """The price of one clip of a request that may still be incomplete; None while a priced field is invalid."""
    if any(problem.field in PRICED_FIELDS for problem in validated.errors):
        return None
    return quote(validated.unchecked)


def price_list() -> dict[str, dict[str, int]]:
    """Credits per second by model and resolution, and the surcharge for audio, with the operator's overrides.

    Raises ImproperlyConfigured if STUDIO_PRICES names an unknown model, or holds anything but whole credits.
    """
    prices = {model: {**PUBLISHED_CREDITS_PER_SECOND, AUDIO_SURCHARGE: 0} for model in MODELS}
    overrides = settings.STUDIO_PRICES
    if not isinstance(overrides, dict):
        raise ImproperlyConfigured("STUDIO_PRICES must be a JSON object, with models as its keys.")
    for model, changed in overrides.items():
        if model not in prices:
            raise ImproperlyConfigured(f"STUDIO_PRICES: unknown model {model!r}; choose from {', '.join(prices)}.")
        for name, credits in changed.items():
            if name not in (*RESOLUTIONS, AUDIO_SURCHARGE) or isinstance(credits, bool) or not isinstance(credits, int):
                raise ImproperlyConfigured(f"STUDIO_PRICES: {model}.{name} must be a resolution in whole credits.")
            if credits < 0:
                raise ImproperlyConfigured(f"STUDIO_PRICES: {model}.{name} must not be negative.")
        prices[model].update(changed)
    return prices
