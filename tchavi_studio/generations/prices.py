"""What a request costs. The form, `/v1` and the charge share one price list."""

from dataclasses import dataclass

from django.conf import settings

from .params import MODELS, GenerationParams
from .price_list import AUDIO_SURCHARGE, PUBLISHED_CREDITS_PER_SECOND
from .validation import Validated

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
    """Credits per second by model and resolution, and the surcharge for audio, with the operator's overrides."""
    published: dict[str, int] = {**PUBLISHED_CREDITS_PER_SECOND, AUDIO_SURCHARGE: 0}
    return {model: {**published, **settings.STUDIO_PRICES.get(model, {})} for model in MODELS}
