"""What a request costs. The form, `/v1` and the charge share one price list."""

from dataclasses import dataclass

from .params import GenerationParams
from .price_list import Prices, credits_per_second
from .price_versions.queries import version_in_force
from .validation import Validated

PRICED_FIELDS = frozenset({"model", "duration", "resolution", "generate_audio"})
"""Everything the price depends on. The prompt isn't among them, so the price shows before there is one."""


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What one clip costs, in whole credits, by which version of the price list."""

    total_credits: int
    per_second_credits: int
    billed_seconds: int
    version_number: int


def quote(params: GenerationParams) -> Quote:
    """The price of one clip now. The price shown is the price charged: both come from here."""
    version = version_in_force()
    per_second_credits = credits_per_second(
        version.price_list, model=params.model, resolution=params.resolution, with_audio=params.generate_audio
    )
    return Quote(
        total_credits=per_second_credits * params.billed_seconds,
        per_second_credits=per_second_credits,
        billed_seconds=params.billed_seconds,
        version_number=version.number,
    )


def quote_unfinished(validated: Validated) -> Quote | None:
    """The price of one clip of a request that may still be incomplete; None while a priced field is invalid."""
    if any(problem.field in PRICED_FIELDS for problem in validated.errors):
        return None
    return quote(validated.unchecked)


def price_list() -> Prices:
    """The prices in force: credits per second by model and resolution, and the surcharge for audio."""
    return version_in_force().price_list
