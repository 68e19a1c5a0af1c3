"""The price list, and what a request costs. One list for the form, the `/v1` door and the charge.

Source: the API's published prices (480p 260 credits a second, 720p 580, for both models; auto is billed as 10 s). An
operator may override it with STUDIO_PRICES, for instance when the upstream asks a surcharge for audio:
`{"kling-v3": {"480p": 260, "720p": 580, "audio_surcharge": 40}}`, all in credits per second.
"""

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from tchavi_studio.engines.formats import RESOLUTIONS

from .params import MODELS, GenerationParams, Validated

PUBLISHED_CREDITS_PER_SECOND = {"480p": 260, "720p": 580}
AUDIO_SURCHARGE = "audio_surcharge"
PRICED_FIELDS = frozenset({"model", "duration", "resolution", "generate_audio"})
"""All that the price depends on, so that it is known before there is a prompt."""


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
    """The price of one clip of a request that may not be complete yet; None while a priced field is wrong."""
    if any(problem.field in PRICED_FIELDS for problem in validated.errors):
        return None
    return quote(validated.unchecked)


def price_list() -> dict[str, dict[str, int]]:
    """Credits per second by model and resolution, and the surcharge for audio, with the operator's overrides.

    Raises ImproperlyConfigured when STUDIO_PRICES names an unknown model or something else than whole credits.
    """
    prices = {model: {**PUBLISHED_CREDITS_PER_SECOND, AUDIO_SURCHARGE: 0} for model in MODELS}
    overrides = settings.STUDIO_PRICES
    if not isinstance(overrides, dict):
        raise ImproperlyConfigured("STUDIO_PRICES must be a JSON object of models.")
    for model, changed in overrides.items():
        if model not in prices:
            raise ImproperlyConfigured(f"STUDIO_PRICES: there is no model {model!r}; known are {', '.join(prices)}.")
        for name, credits in changed.items():
            if name not in (*RESOLUTIONS, AUDIO_SURCHARGE) or isinstance(credits, bool) or not isinstance(credits, int):
                raise ImproperlyConfigured(f"STUDIO_PRICES: {model}.{name} must be a resolution in whole credits.")
            if credits < 0:
                raise ImproperlyConfigured(f"STUDIO_PRICES: {model}.{name} must not be negative.")
        prices[model].update(changed)
    return prices
