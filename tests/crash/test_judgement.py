"""The comparison of both sides' books finds every kind of problem."""

import hashlib
from dataclasses import replace

import pytest

from tests.upstream.clip import with_label
from tests.upstream.service import JobFacts

from .cases import Clip, Entry
from .drill import compare_clip

VIDEO = b"a video"
CLIP = Clip(prompt="A paper boat", person="Alice")
JOB = JobFacts(
    id="job_1",
    status="completed",
    model="seedance-2",
    prompt=CLIP.prompt,
    seed=7,
    params={},
    accepted_at=0.0,
    ends_at=1.0,
    charged_credits=260,
    refunded_credits=None,
    error_code="",
    is_foreign=False,
)
CHARGE, REFUND = ("charge", 260), ("refund", 260)
COMPLETED = Entry(
    generation_id="1",
    prompt=CLIP.prompt,
    state="completed",
    is_preview=False,
    price_credits=260,
    needs_review=False,
    error_code="",
    remote_id="job_1",
    holds_lease=False,
    transfers=[CHARGE],
    byte_count=len(with_label(VIDEO, "job_1")),
    sha256=hashlib.sha256(with_label(VIDEO, "job_1")).hexdigest(),
    is_playable=True,
)
FAILED = replace(COMPLETED, state="failed", transfers=[CHARGE, REFUND], byte_count=None, sha256=None, is_playable=False)
FAILED_JOB = replace(JOB, status="failed", refunded_credits=260)


def kinds(*entries: Entry, jobs: list[JobFacts], committed: bool = True) -> list[str]:
    return [kind for kind, _what in compare_clip(CLIP, committed, list(entries), jobs, VIDEO)]


@pytest.mark.parametrize(
    ("entry", "jobs"),
    [(COMPLETED, [JOB]), (FAILED, [FAILED_JOB]), (FAILED, []), (replace(FAILED, needs_review=True), [JOB])],
)
def test_correct_books_have_no_problems(entry: Entry, jobs: list[JobFacts]) -> None:
    assert kinds(entry, jobs=jobs) == []


@pytest.mark.parametrize(
    ("found", "entry", "jobs"),
    [
        (["stuck"], replace(COMPLETED, state="saving"), [JOB]),
        (["stuck"], replace(COMPLETED, holds_lease=True), [JOB]),
        (["double_billed", "other"], COMPLETED, [JOB, replace(JOB, id="job_2")]),
        (["double_billed"], replace(COMPLETED, transfers=[CHARGE, CHARGE]), [JOB]),
        (["double_billed"], replace(COMPLETED, transfers=[CHARGE, REFUND]), [JOB]),
        (["double_billed"], replace(FAILED, transfers=[CHARGE, REFUND, REFUND]), [FAILED_JOB]),
        (["lost"], replace(FAILED, transfers=[CHARGE]), [FAILED_JOB]),
        (["lost"], replace(COMPLETED, transfers=[]), [JOB]),
        (["lost"], replace(COMPLETED, is_playable=False), [JOB]),
        (["lost"], replace(COMPLETED, byte_count=1), [JOB]),
        (["lost"], replace(COMPLETED, remote_id="job_2"), [replace(JOB, id="job_2")]),
        (["other"], COMPLETED, [FAILED_JOB]),
        (["other"], COMPLETED, []),
        (["other"], FAILED, [JOB]),
    ],
)
def test_problems_are_found(found: list[str], entry: Entry, jobs: list[JobFacts]) -> None:
    assert kinds(entry, jobs=jobs) == found


def test_accepted_clip_without_a_row_is_lost() -> None:
    assert kinds(jobs=[]) == ["lost"]


def test_clip_that_was_not_accepted_must_not_exist() -> None:
    assert kinds(jobs=[], committed=False) == []
    assert kinds(COMPLETED, jobs=[], committed=False) == ["other"]
    assert kinds(jobs=[JOB], committed=False) == ["other"]
