"""The part of the crash suite that every change is held to; `make crash` runs all of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from tchavi_studio.runtime.crashpoints import CrashPoint
from tests.databases import Database

from .cases import CASES, REMOTE, Case
from .drill import run_case

# One case for each kind of thing that could go wrong, the point at which it would: a charge without a clip
# (IN_ACCEPTING), a clip that was never sent (WRITTEN_DOWN), one that is billed and not known here (ANSWERED), one found
# again by halves (IN_ADOPTING), a failure without its refund (IN_FAILING), two tables that contradict each other
# (IN_NOTING_COMPLETED), a file without an owner (STORED), and a render that is begun anew (RENDERED).
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
    """The first case of a point, with three clips, of which one fails; a render would take seconds."""
    case = next(case for case in CASES if case.point == point)
    return case if point == CrashPoint.RENDERED else replace(case, clips=REMOTE[:3])


def test_every_point_has_a_case() -> None:
    assert {case.point for case in CASES} == set(CrashPoint)


@pytest.mark.own_database
@pytest.mark.processes
@pytest.mark.parametrize("point", [point for point in CrashPoint if point in CHOSEN], ids=lambda point: point.name)
def test_a_crash_loses_nothing_and_bills_nothing_twice(
    point: CrashPoint, own_database: Database, tmp_path: Path
) -> None:
    case = quick_case(point)
    outcome = run_case(case, own_database, tmp_path)
    assert outcome.problems == []
    if case.review_count is not None:
        assert outcome.review_count == case.review_count
