"""The exception tree."""

import copy
import pickle
from typing import Any

import pytest

import tchavi_studio.client as package
from tchavi_studio.client import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AuthenticationError,
    ConflictError,
    DownloadError,
    InsufficientCreditsError,
    InvalidRequestError,
    Job,
    JobError,
    JobFailedError,
    JobNotFinishedError,
    JobTimeoutError,
    MissingKeyError,
    NotFoundError,
    PermissionDeniedError,
    Problem,
    RateLimitError,
    ResponseInfo,
    ServerError,
    TchaviError,
    UnprocessableError,
    UnreadableAnswerError,
    UpstreamError,
    UsageError,
)
from tchavi_studio.client.errors import api_error

INFO = ResponseInfo(request_id="req_1")
FAILED = Job(
    id="job_1", status="failed", error=JobError(code="content_policy", message="Refused."), credits_refunded=1300
)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (402, InsufficientCreditsError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (405, InvalidRequestError),
        (409, ConflictError),
        (413, InvalidRequestError),
        (422, UnprocessableError),
        (429, RateLimitError),
        (500, ServerError),
        (501, ServerError),
        (502, UpstreamError),
        (503, UpstreamError),
        (504, UpstreamError),
        (599, ServerError),
        (100, UnreadableAnswerError),
    ],
)
def test_each_status_has_an_error_class(status: int, kind: type[APIError]) -> None:
    error = api_error(status=status, body=None, response=INFO)
    assert type(error) is kind
    assert error.status == status
    assert error.message == f"The server answered {status} without an explanation."


def test_an_error_shows_all_its_details() -> None:
    body = {"error": {"code": "insufficient_credits", "message": "1,300 are needed.", "status": 402}}
    error = api_error(status=402, body=body, response=INFO)
    assert (error.code, error.message, error.param, error.details) == (
        "insufficient_credits",
        "1,300 are needed.",
        "",
        None,
    )
    assert error.request_id == "req_1"
    assert str(error) == "1,300 are needed. (402 insufficient_credits, request req_1)"
    assert error.problems == (Problem(message="1,300 are needed.", code="insufficient_credits"),)


@pytest.mark.parametrize(
    ("details", "problems"),
    [
        (
            [{"param": "duration", "message": "too long", "code": "range"}, {"param": "seed", "message": "negative"}],
            (
                Problem(param="duration", message="too long", code="range"),
                Problem(param="seed", message="negative"),
            ),
        ),
        (["too long", "negative"], (Problem(message="too long"), Problem(message="negative"))),
        (
            {"duration": ["too long"], "seed": "negative"},
            (Problem(param="duration", message="too long"), Problem(param="seed", message="negative")),
        ),
        ("too long", (Problem(message="too long"),)),
        ([], (Problem(param="duration", message="Bad.", code="invalid_request"),)),
        ([1, None, {}], (Problem(param="duration", message="Bad.", code="invalid_request"),)),
        (7, (Problem(param="duration", message="Bad.", code="invalid_request"),)),
    ],
)
def test_every_listed_problem_is_read(details: object, problems: tuple[Problem, ...]) -> None:
    body = {"error": {"code": "invalid_request", "message": "Bad.", "param": "duration", "details": details}}
    error = api_error(status=400, body=body, response=INFO)
    assert (error.param, error.details, error.problems) == ("duration", details, problems)


@pytest.mark.parametrize("body", [{"error": "Bad."}, {"message": "Bad."}, {"error": {"message": "Bad.", "code": 7}}])
def test_other_servers_shapes_are_read_too(body: Any) -> None:
    error = api_error(status=400, body=body, response=ResponseInfo())
    assert (error.message, error.code, str(error)) == ("Bad.", "", "Bad. (400)")


@pytest.mark.parametrize("body", [[], {"error": []}, {"error": None}, {"error": {"message": None}}, "x", 1])
def test_a_body_without_an_explanation_is_handled(body: Any) -> None:
    error = api_error(status=500, body=body, response=ResponseInfo())
    assert str(error) == "The server answered 500 without an explanation. (500)"


def test_a_failed_job_says_why_and_what_was_refunded() -> None:
    error = JobFailedError(FAILED)
    assert str(error) == "Job job_1 failed: Refused (content_policy). 1,300 credits were refunded."
    assert (error.job, error.code, error.message, error.credits_refunded, error.job_id) == (
        FAILED,
        "content_policy",
        "Refused.",
        1300,
        "job_1",
    )
    assert str(JobFailedError(Job(id="job_2"))) == "Job job_2 failed: no reason was given."


def test_timeouts_are_builtin_timeouts_too() -> None:
    assert issubclass(JobTimeoutError, TimeoutError)
    assert issubclass(APITimeoutError, TimeoutError)
    assert issubclass(APITimeoutError, APIConnectionError)
    assert issubclass(UsageError, ValueError)
    assert issubclass(MissingKeyError, UsageError)


def test_all_errors_share_one_base_class() -> None:
    kinds = [kind for kind in vars(package).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) == 22
    assert all(issubclass(kind, TchaviError) for kind in kinds)


@pytest.mark.parametrize(
    "error",
    [
        api_error(status=429, body={"error": {"message": "Slow."}}, retry_after_seconds=3.0, response=INFO),
        APITimeoutError("No answer."),
        JobFailedError(FAILED),
        JobNotFinishedError(FAILED),
        JobTimeoutError(FAILED, 5.0),
        DownloadError("Cut short."),
        UsageError("Wrong."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_are_picklable(error: TchaviError) -> None:
    """Work queues and parallel test runs pickle what was raised."""
    error.job_id, error.idempotency_key, error.outcome_unknown = "job_9", "key-9", True
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)
