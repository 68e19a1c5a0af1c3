"""Reading servers' answers, even odd ones."""

import pickle
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tchavi_studio.client import (
    Credits,
    Job,
    JobError,
    Quote,
    ResponseInfo,
    Transfer,
    UploadedFile,
    VideoModel,
    VideoOutput,
    records,
)
from tchavi_studio.client.results import (
    NAMES_WITH_UNITS,
    read_credits,
    read_job,
    read_job_page,
    read_models,
    read_quote,
    read_uploaded_file,
)

INFO = ResponseInfo(request_id="req_1")
COMPLETED = {
    "id": "job_abc123",
    "status": "completed",
    "model": "seedance-2",
    "created_at": "2026-03-01T12:00:00Z",
    "output": {
        "video_url": "https://cdn.example/clip.mp4",
        "duration": 5,
        "resolution": "480p",
        "file_size_mb": 2.4,
        "url_expires_at": "2026-03-02T12:00:00+00:00",
        "fps": 24,
    },
    "tchavi": {"credits_used": 1300, "tier": 2},
    "seed": 42,
}


def test_a_completed_job_is_read_completely() -> None:
    job = read_job(COMPLETED, response=INFO)
    assert job == Job(
        id="job_abc123",
        status="completed",
        model="seedance-2",
        created_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        output=VideoOutput(
            video_url="https://cdn.example/clip.mp4",
            duration_seconds=5.0,
            resolution="480p",
            file_size_mb=2.4,
            url_expires_at=datetime(2026, 3, 2, 12, tzinfo=UTC),
            extra={"fps": 24},
        ),
        credits_used=1300,
        extra={"seed": 42, "tchavi": {"tier": 2}},
    )
    assert job.raw == COMPLETED
    assert job.response == INFO
    assert (job.is_finished, job.is_completed, job.is_failed) == (True, True, False)


def test_a_failed_job_has_its_reason_and_its_refund() -> None:
    job = read_job(
        {
            "id": "job_1",
            "status": "failed",
            "error": {"code": "upstream_error", "message": "It broke.", "hint": "again"},
            "tchavi": {"credits_refunded": 1300},
        },
        response=INFO,
    )
    assert job.error == JobError(code="upstream_error", message="It broke.", extra={"hint": "again"})
    assert (job.credits_used, job.credits_refunded) == (None, 1300)
    assert (job.is_finished, job.is_completed, job.is_failed) == (True, False, True)


@pytest.mark.parametrize(
    "body",
    [
        {"id": "job_1", "status": "pending"},
        {"job": {"id": "job_1", "status": "pending"}},
        {"id": "job_1", "job": {"id": "job_1", "status": "pending"}},
        {"id": "job_1", "status": "pending", "job": {"id": "other", "status": "completed"}},
    ],
)
def test_the_id_is_read_flat_or_nested(body: dict[str, Any]) -> None:
    assert read_job(body, response=INFO) == Job(id="job_1", status="pending")


@pytest.mark.parametrize("body", [None, [], "text", 3, {}])
def test_an_unreadable_body_gives_an_empty_job(body: object) -> None:
    assert read_job(body, response=INFO) == Job()


def test_an_unknown_status_is_kept_and_not_finished() -> None:
    job = read_job({"id": "job_1", "status": "dreaming"}, response=INFO)
    assert (job.status, job.is_finished) == ("dreaming", False)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-03-01T12:00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        (1_772_366_400, datetime(2026, 3, 1, 12, tzinfo=UTC)),
        (1_772_366_400.0, datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("yesterday", None),
        (10**400, None),
        (1e300, None),
        (True, None),
        ({}, None),
    ],
)
def test_times_are_read_from_text_and_from_seconds(value: object, moment: datetime | None) -> None:
    assert read_job({"created_at": value}, response=INFO).created_at == moment


@pytest.mark.parametrize(
    ("value", "credits"),
    [(1300, 1300), (1300.0, 1300), ("1300", 1300), ("-5", -5), (1300.5, None), (True, None), ("many", None)],
)
def test_credits_are_whole_numbers_or_unknown(value: object, credits: int | None) -> None:
    assert read_job({"tchavi": {"credits_used": value}}, response=INFO).credits_used == credits


def test_a_reason_given_as_text_is_a_message() -> None:
    assert read_job({"error": "It broke."}, response=INFO).error == JobError(message="It broke.")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=10), children, max_size=3),
    max_leaves=8,
)
names = ["id", "status", "created_at", "output", "error", "tchavi", "job", "data", "url", "balance", "credits"]


@given(st.dictionaries(st.sampled_from(names), json_values) | json_values)
def test_any_answer_can_be_read(body: Any) -> None:
    read_job_page({"data": [body]}, response=INFO)
    read_job_page(body, response=INFO)
    read_job({"output": body, "error": body, "job": body, "tchavi": body}, response=INFO)
    read_uploaded_file(body, response=INFO)
    read_credits(body, response=INFO)
    read_quote(body, response=INFO)
    read_models(body)
    assert isinstance(read_job(body, response=INFO).id, str)


def test_non_object_entries_are_left_out_of_a_page() -> None:
    page = read_job_page({"data": [{"id": "job_1"}, None, "x"], "has_more": True}, response=INFO)
    assert (page.jobs, page.has_more) == ((Job(id="job_1"),), True)


def test_headers_become_attributes() -> None:
    headers = {
        "x-request-id": "req_7",
        "x-credits-used": "1300",
        "x-credits-remaining": "48700",
        "x-ratelimit-rpm-limit": "10",
        "x-ratelimit-rpm-remaining": "9",
        "idempotent-replayed": "true",
    }
    assert ResponseInfo.from_headers(headers) == ResponseInfo(
        request_id="req_7",
        credits_used=1300,
        credits_remaining=48_700,
        requests_per_minute_limit=10,
        requests_per_minute_remaining=9,
        is_replay=True,
    )
    assert ResponseInfo.from_headers({"x-ratelimit-rpm-limit": "ten"}) == ResponseInfo()


def test_jobs_are_hashable_and_picklable() -> None:
    job = read_job(COMPLETED, response=INFO)
    copy = pickle.loads(pickle.dumps(job))
    assert (copy, copy.raw, copy.response) == (job, job.raw, job.response)
    assert {job: 1}[copy] == 1


@pytest.mark.parametrize(
    ("result", "declared", "left_in_extra"),
    [
        (Job, records.JobRecord, {"tchavi", "studio"}),
        (VideoOutput, records.OutputRecord, set()),
        (JobError, records.JobErrorRecord, set()),
        (UploadedFile, records.FileRecord, set()),
        (Transfer, records.TransferRecord, set()),
        (Credits, records.CreditsRecord, set()),
        (Quote, records.QuoteRecord, {"warnings", "hints"}),
        (VideoModel, records.ModelRecord, {"parameters", "pricing", "hints"}),
    ],
)
def test_results_have_the_fields_that_records_declare(result: type, declared: type, left_in_extra: set[str]) -> None:
    beside = {"extra", "raw", "response"}
    if result is Job:
        # Its billing is read from a record inside it.
        beside |= set(get_type_hints(records.BillingRecord))
    names = {NAMES_WITH_UNITS.get(name, name) for name in set(get_type_hints(declared)) - left_in_extra}
    assert {attribute.name for attribute in fields(result)} - beside == names
