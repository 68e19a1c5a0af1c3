"""How long the client waits."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tchavi_studio.client.pacing import (
    backoff_seconds,
    poll_seconds,
    rate_budget_seconds,
    retry_after_seconds,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
chances = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 12:00:30 -0000", 30.0),
        ("Sun, 01 Mar 2026 14:00:30 +0200", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("1_0", None),
        ("٣", None),
        ("9" * 400, None),
        ("soon", None),
        ("Sun, 99 Mar 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, now=NOW) == seconds


@given(st.text(max_size=40))
def test_any_retry_after_gives_a_valid_pause_or_none(value: str) -> None:
    seconds = retry_after_seconds(value, now=NOW)
    assert seconds is None or seconds >= 0


@given(st.integers(0, 10**7))
def test_a_date_means_the_same_as_its_seconds(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_seconds(date, now=NOW) == retry_after_seconds(str(seconds), now=NOW) == seconds


def test_backoff_doubles_up_to_its_maximum() -> None:
    assert [backoff_seconds(attempt, chance=0) for attempt in range(7)] == [0.5, 1, 2, 4, 8, 8, 8]


@given(st.integers(0, 10**9), chances)
def test_backoff_stays_between_its_bounds(attempt: int, chance: float) -> None:
    assert 0.375 <= backoff_seconds(attempt, chance=chance) <= 8


@given(st.integers(0, 10**9), chances)
def test_polls_stay_between_their_bounds(poll: int, chance: float) -> None:
    assert 1.5 <= poll_seconds(poll, chance=chance) <= 12.5


@pytest.mark.parametrize(
    ("limit", "remaining", "seconds"),
    [
        (None, None, 0),
        (10, None, 6),
        (10, 9, 6),
        (10, 4, 12),
        (10, 0, 60),
        (300, 299, 0.2),
        (0, 5, 10),
        (None, -3, 60),
        (-1, None, 0),
    ],
)
def test_the_rate_budget_names_the_shortest_pause(limit: int | None, remaining: int | None, seconds: float) -> None:
    assert rate_budget_seconds(limit=limit, remaining=remaining) == seconds


@given(st.integers(1, 500), st.data())
def test_the_rate_budget_is_never_overspent_within_a_minute(limit: int, data: st.DataObject) -> None:
    """Polls that follow it never use more than the requests left in the minute."""
    remaining = start = data.draw(st.integers(0, limit))
    elapsed, polls = 0.0, 0
    while True:
        elapsed += rate_budget_seconds(limit=limit, remaining=remaining)
        if elapsed >= 60:
            break
        polls, remaining = polls + 1, remaining - 1
    assert polls <= start
