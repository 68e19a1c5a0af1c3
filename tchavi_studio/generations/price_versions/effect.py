"""What a price list would have made of the clips of the last days."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from tchavi_studio.generations.library.models import LibraryEntry, Outcome, first_key_at
from tchavi_studio.generations.price_list import Prices, credits_per_second, rise_percent

PERIOD = timedelta(days=30)
MAX_CLIPS = 20_000


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What the clips that were charged and not refunded cost, and what they would have cost.

    `is_partial`: there were more than MAX_CLIPS clips in PERIOD, and these are the latest.
    """

    clip_count: int
    charged_credits: int
    would_cost_credits: int
    is_partial: bool

    @property
    def rise_percent(self) -> float | None:
        return rise_percent(self.charged_credits, self.would_cost_credits)


def effect_of(prices: Prices) -> Effect:
    """What the studio's clips of the last PERIOD would have cost by these prices: the latest MAX_CLIPS at most."""
    made = LibraryEntry.objects.filter(key__gte=first_key_at(timezone.now() - PERIOD)).order_by("-key")
    columns = ("outcome", "price_credits", "billed_seconds", "model", "resolution")
    of_clip = ("generation__generate_audio", "generation__book")
    rows = list(made.values_list(*columns, *of_clip)[: MAX_CLIPS + 1])
    clip_count = charged_credits = would_cost_credits = 0
    for outcome, price_credits, billed_seconds, model, resolution, with_audio, book in rows[:MAX_CLIPS]:
        if book == settings.STUDIO_BOOK and price_credits and outcome in (Outcome.OPEN, Outcome.DONE):
            clip_count += 1
            charged_credits += price_credits
            would_cost_credits += billed_seconds * credits_per_second(
                prices, model=model, resolution=resolution, with_audio=with_audio
            )
    return Effect(
        clip_count=clip_count,
        charged_credits=charged_credits,
        would_cost_credits=would_cost_credits,
        is_partial=len(rows) > MAX_CLIPS,
    )
