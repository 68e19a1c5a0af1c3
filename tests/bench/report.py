"""What a benchmark finds, and how docs/benchmarks.md shows it."""

from collections.abc import Iterable
from typing import NamedTuple


class Row(NamedTuple):
    """One line of a table: `measured` should be at most `goal` (None: only published).

    `before` is what it was before the goal was set, in words. `statements` is how many a page needs.
    """

    name: str
    before: str
    measured: float
    goal: float | None
    unit: str
    statements: int | None = None
    note: str = ""

    @property
    def is_met(self) -> bool:
        return self.goal is None or self.measured <= self.goal

    def __str__(self) -> str:
        goal = "" if self.goal is None else f", goal ≤ {figure(self.goal)} {self.unit}"
        statements = "" if self.statements is None else f", {self.statements} statements"
        note = f" ({self.note})" if self.note else ""
        mark = " " if self.is_met else "!"
        return f"{mark} {self.name}: {figure(self.measured)} {self.unit}{goal}{statements}{note}"


def figure(value: float) -> str:
    """A number with two or three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | before | measured | goal | statements | remarks |", "|---|---|---|---|---|---|"]
    for row in rows:
        goal = "–" if row.goal is None else f"≤ {figure(row.goal)} {row.unit}"
        measured = f"{figure(row.measured)} {row.unit}"
        lines.append(
            f"| {row.name} | {row.before} | {measured if row.is_met else f'**{measured}**'} | {goal} "
            f"| {'' if row.statements is None else row.statements} | {row.note} |"
        )
    return "\n".join(lines)
