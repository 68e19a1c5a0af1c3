"""Generations as the records that programs read."""

from collections import Counter

from tchavi_studio.client import JobStatus
from tchavi_studio.generations.models import State
from tchavi_studio.generations.records import STATUSES


def test_every_state_has_exactly_one_status() -> None:
    assert list(STATUSES) == list(JobStatus)
    assert Counter(state for states in STATUSES.values() for state in states) == Counter(State)
