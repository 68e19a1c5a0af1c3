"""The crash cases that run with the regular tests, on SQLite; `make crash` runs all of them on both databases."""

from dataclasses import replace
from pathlib import Path

import pytest

from tchavi_studio.runtime.crashpoints import CrashPoint
from tests.databases import Database

from .cases import CASES, REMOTE, Case
from .drill import run_case

# One point for each kind of damage: a charge without a clip (IN_ACCEPTING), a clip that is never sent (WRITTEN_DOWN), a
# billed job that we don't know (ANSWERED), a half-adopted job (IN_ADOPTING), a failure without its refund (IN_FAILING),
# two tables that contradict each other (IN_NOTING_COMPLETED), a file without an owner (STORED), and a render that has
# to start over (RENDERED).
CHOSEN = {
    CrashPoint.IN_ACCEPTING,
    CrashPoint.WRITTEN_DOWN,
    CrashPoint.ANSWERED,
    CrashPoint.IN_ADOPTING,
    CrashPoint.IN_FAILING,
    CrashPoint.IN_NOTING_COMPLETED,
    CrashPoint.STORED,
    CrashPoint.RENDERED,
}


def quick_case(point: CrashPoint) -> Case:
    """A point's first case, reduced to three clips, of which one fails: rendering previews would take seconds."""
    case = next(case for case in CASES if case.point == point)
    return case if point == CrashPoint.RENDERED else replace(case, clips=REMOTE[:3])


def test_every_point_has_a_case() -> None:
    assert {case.point for case in CASES} == set(CrashPoint)


@pytest.mark.own_database
@pytest.mark.one_database
@pytest.mark.processes
@pytest.mark.parametrize("point", [point for point in CrashPoint if point in CHOSEN], ids=lambda point: point.name)
def test_crash_loses_nothing_and_bills_nothing_twice(point: CrashPoint, own_database: Database, tmp_path: Path) -> None:
    case = quick_case(point)
    outcome = run_case(case, own_database, tmp_path)
    assert outcome.problems == []
    if case.review_count is not None:
        assert outcome.review_count == case.review_count
