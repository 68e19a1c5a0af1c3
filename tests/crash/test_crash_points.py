"""The part of the crash suite that every change is held to; `make crash` runs all of it."""

from pathlib import Path

import pytest

from tchavi_studio.generations.crashpoints import CrashPoint
from tests.databases import Database

from .cases import CASES, Case
from .drill import run_case

CHOSEN = CASES


def test_every_point_has_a_case() -> None:
    assert {case.point for case in CASES} == set(CrashPoint)


@pytest.mark.own_database
@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: case.name)
def test_a_crash_loses_nothing_and_bills_nothing_twice(case: Case, own_database: Database, tmp_path: Path) -> None:
    outcome = run_case(case, own_database, tmp_path)
    assert outcome.problems == []
    if case.review_count is not None:
        assert outcome.review_count == case.review_count
