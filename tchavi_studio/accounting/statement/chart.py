"""The chart of a month: a bar for each day, stacked by model, as numbers that a template makes an SVG of.

Across, everything is in percent of the chart's width, so that it fits every screen; down, in pixels.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from tchavi_studio.generations.params import MODELS

from .totals import MonthTotals, Pace

TOP, HEIGHT = 30, 176
BASE = TOP + HEIGHT
STEPS = 4
EMPTY_STEP_CREDITS = 1_000
"""The step where nothing was spent."""

BAR_SHARE = 0.78
"""How much of a day's place its bar takes."""


@dataclass(frozen=True)
class Part:
    """What one model takes of a bar. `hue` is 1, 2, … in the order of the models."""

    hue: int
    label: str
    credits: int
    y: str
    height: str


@dataclass(frozen=True)
class Bar:
    """One day. `x` is where its place begins, `bar_x` where the bar does."""

    day: date
    credits: int
    by_model: list[int]
    parts: list[Part]
    address: str
    x: str
    bar_x: str
    middle_x: str
    is_today: bool
    is_to_come: bool
    has_label: bool

    @property
    def label(self) -> str:
        """The day in words: what it cost, and what of it each model did."""
        models = ", ".join(f"{part.label} {number_format(part.credits)}" for part in self.parts)
        total = _("%(day)s: %(credits)s credits") % {
            "day": date_format(self.day, "MONTH_DAY_FORMAT"),
            "credits": number_format(self.credits),
        }
        return f"{total} ({models})" if models else total


@dataclass(frozen=True)
class Line:
    """A line across the chart, `y` pixels down, that stands for so many credits."""

    credits: int
    y: str


@dataclass(frozen=True)
class Chart:
    """A month's chart. `pace` is the line of the daily mean, where it begins, and how high the days to come are."""

    bars: list[Bar]
    lines: list[Line]
    place_width: str
    bar_width: str
    pace: Line | None
    pace_x: str
    pace_height: str
    top: int = TOP
    base: int = BASE
    height: int = HEIGHT
    label_y: int = BASE + 18


def chart_of(totals: MonthTotals, *, today: date, pace: Pace | None, address_of: Callable[[date], str]) -> Chart:
    """The chart of a month, of which each day leads to its address; `pace` is drawn in the current month."""
    days = totals.days
    place = 100 / len(days)
    is_current = totals.first <= today <= days[-1]
    pace_credits = pace.credits_a_day if pace and is_current else 0
    scale = _scale(max([pace_credits, *(_drawn(day) for day in totals.by_day.values())], default=0))

    def pixels(credits: float) -> float:
        return credits / scale * HEIGHT

    def bar(number: int, day: date) -> Bar:
        models: Mapping[str, int] = totals.by_day.get(day, {})
        x = number * place
        return Bar(
            day=day,
            credits=sum(models.values()),
            by_model=[models.get(model, 0) for model in totals.models],
            parts=_parts(models, pixels),
            address=address_of(day),
            x=_percent(x),
            bar_x=_percent(x + place * (1 - BAR_SHARE) / 2),
            middle_x=_percent(x + place / 2),
            is_today=day == today,
            is_to_come=day > today,
            has_label=day.day == 1 or day.day % 5 == 0,
        )

    since = max(today.day - (pace.days if pace else 0), 0)
    return Chart(
        bars=[bar(number, day) for number, day in enumerate(days)],
        lines=[
            Line(scale * step // STEPS, _number(BASE - pixels(scale * step / STEPS))) for step in range(1, STEPS + 1)
        ],
        place_width=_percent(place),
        bar_width=_percent(place * BAR_SHARE),
        pace=Line(pace_credits, _number(BASE - pixels(pace_credits))) if pace_credits > 0 else None,
        pace_x=_percent(since * place),
        pace_height=_number(pixels(max(pace_credits, 0))),
    )


def _drawn(models: Mapping[str, int]) -> int:
    """What is drawn of a day: a model whose refunds exceed its charges that day has no part."""
    return sum(credits for credits in models.values() if credits > 0)


def _parts(models: Mapping[str, int], pixels: Callable[[float], float]) -> list[Part]:
    """What each model takes of a day's bar, from the bottom up."""
    parts, top = [], float(BASE)
    for hue, model in enumerate([*MODELS, ""], start=1):
        credits = models.get(model, 0)
        if credits > 0:
            height = pixels(credits)
            top -= height
            # A hairline between the parts.
            parts.append(Part(hue, model_label(model), credits, _number(top), _number(max(height - 1, 0.5))))
    return parts


def model_label(model: str) -> str:
    """A model's name; clips that were deleted before models were kept have none."""
    return MODELS[model] if model in MODELS else _("Not known any more")


def _scale(most: int) -> int:
    """The figure at the top of the chart: STEPS round steps that reach `most`."""
    least = math.ceil(most / STEPS) or EMPTY_STEP_CREDITS
    power = int(10 ** (len(str(least)) - 1))
    # 1, 2, 3, 4, 5, 10, 20, 30, …
    step = next(digit * power for digit in (1, 2, 3, 4, 5, 10) if digit * power >= least)
    return step * STEPS


def _percent(share: float) -> str:
    return f"{share:.3f}%"


def _number(pixels: float) -> str:
    return f"{pixels:.1f}"
