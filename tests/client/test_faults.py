"""Unhealthy servers: rate limits, broken connections, odd answers. No sockets here."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tchavi_studio.client import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AuthenticationError,
    ConflictError,
    InsufficientCreditsError,
    JobTimeoutError,
    NotFoundError,
    NotOfferedError,
    RateLimitError,
    ServerError,
    TchaviError,
    UnreadableAnswerError,
    UpstreamError,
)

BOAT = {"model": "seedance-2", "prompt": "A paper boat in the rain"}
ACCEPTED = httpx.Response(202, json={"id": "job_1", "status": "pending"})
BUSY = {"error": {"code": "upstream_error", "message": "The provider did not answer.", "status": 502}}

Step = httpx.Response | type[httpx.RequestError]


class Script(httpx.MockTransport):
    """Answers in order and repeats the last one. An exception class is raised."""

    def __init__(self, *steps: Step) -> None:
        super().__init__(self._answer)
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []

    def _answer(self, request: httpx.Request) -> httpx.Response:
        step = self.steps[min(len(self.requests), len(self.steps) - 1)]
        self.requests.append(request)
        if isinstance(step, httpx.Response):
            return httpx.Response(step.status_code, headers=step.headers, content=step.content)
        raise step("it broke", request=request)


def create(client: Any) -> Any:
    return client.videos.generations.create(**BOAT)


def retrieve(client: Any) -> Any:
    return client.jobs.retrieve("job_1")


def response(status: int, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers={name.replace("_", "-"): value for name, value in headers.items()})


# Which requests are sent again

ALWAYS = [response(429), httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError]
OUTCOME_UNKNOWN = [
    response(502),
    response(503),
    httpx.ReadTimeout,
    httpx.ReadError,
    httpx.WriteError,
    httpx.WriteTimeout,
    httpx.RemoteProtocolError,
]
NEVER = [
    *map(response, [302, 400, 401, 402, 403, 404, 405, 409, 422, 500, 501, 504]),
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
]


def name(step: Step) -> str:
    return str(step.status_code) if isinstance(step, httpx.Response) else step.__name__


@pytest.mark.parametrize("step", ALWAYS, ids=name)
@pytest.mark.parametrize("scenario", [create, retrieve])
def test_requests_certainly_not_accepted_are_retried(run: Any, step: Step, scenario: Callable[[Any], Any]) -> None:
    script = Script(step, step, ACCEPTED)
    assert run(scenario, transport=script).id == "job_1"
    assert len(script.requests) == 3
    assert run.hours.sleeps == [0.4375, 0.875]


@pytest.mark.parametrize("step", OUTCOME_UNKNOWN, ids=name)
def test_reads_are_retried(run: Any, step: Step) -> None:
    script = Script(step, ACCEPTED)
    assert run(retrieve, transport=script).id == "job_1"
    assert len(script.requests) == 2


@pytest.mark.parametrize("step", OUTCOME_UNKNOWN, ids=name)
def test_a_generation_that_may_have_been_accepted_is_never_sent_twice(run: Any, step: Step) -> None:
    """Tchavi documents no idempotency, so a second POST could be billed again."""
    script = Script(step, ACCEPTED)
    with pytest.raises(TchaviError) as caught:
        run(create, transport=script)
    assert len(script.requests) == 1
    assert caught.value.outcome_unknown is True
    assert caught.value.idempotency_key == script.requests[0].headers["idempotency-key"]


@pytest.mark.parametrize("step", OUTCOME_UNKNOWN, ids=name)
def test_requests_are_retried_if_the_server_honours_idempotency_keys(run: Any, step: Step) -> None:
    script = Script(step, step, ACCEPTED)
    assert run(create, transport=script, idempotent_server=True).id == "job_1"
    assert len({request.headers["idempotency-key"] for request in script.requests}) == 1
    assert len({request.content for request in script.requests}) == 1
    assert len(script.requests) == 3


@pytest.mark.parametrize("step", NEVER, ids=name)
@pytest.mark.parametrize("scenario", [create, retrieve])
def test_hopeless_requests_are_not_retried(run: Any, step: Step, scenario: Callable[[Any], Any]) -> None:
    script = Script(step, ACCEPTED)
    with pytest.raises(TchaviError):
        run(scenario, transport=script, idempotent_server=True)
    assert (len(script.requests), run.hours.sleeps) == (1, [])


def test_retries_end(run: Any) -> None:
    script = Script(httpx.ConnectError)
    with pytest.raises(APIConnectionError) as caught:
        run(create, transport=script)
    assert len(script.requests) == 3
    assert caught.value.outcome_unknown is False
    assert str(caught.value) == "POST /videos/generations: no answer from https://tchavi.com/api/v1: it broke"


@pytest.mark.parametrize(("max_retries", "count"), [(0, 1), (1, 2), (5, 6)])
def test_max_retries(run: Any, max_retries: int, count: int) -> None:
    script = Script(response(503))
    with pytest.raises(UpstreamError):
        run(retrieve, transport=script, max_retries=max_retries)
    assert len(script.requests) == count


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ((httpx.ReadTimeout, httpx.ConnectError), APIConnectionError),
        ((response(502), response(402)), InsufficientCreditsError),
    ],
)
def test_a_later_refusal_does_not_undo_an_unknown_outcome(
    run: Any, steps: tuple[Step, ...], kind: type[TchaviError]
) -> None:
    with pytest.raises(kind) as caught:
        run(create, transport=Script(*steps), idempotent_server=True)
    assert caught.value.outcome_unknown is True


def test_a_request_still_in_progress_is_waited_for(run: Any) -> None:
    """After a read timeout, the retry gets 409 until the first request is answered."""
    script = Script(httpx.ReadTimeout, response(409), ACCEPTED)
    assert run(create, transport=script, idempotent_server=True).id == "job_1"
    with pytest.raises(ConflictError):
        run(create, transport=Script(response(409), ACCEPTED), idempotent_server=True)


# How long it waits


@pytest.mark.parametrize(
    ("headers", "sleeps"),
    [
        ({"Retry_After": "7"}, [7.0]),
        ({"Retry_After": "60"}, [60.0]),
        ({"Retry_After": "Sun, 01 Mar 2026 12:00:09 GMT"}, [9.0]),
        ({"Retry_After": "0"}, [0.0]),
        ({"Retry_After": "soon"}, [0.4375]),
        ({}, [0.4375]),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(run: Any, headers: dict[str, str], sleeps: list[float], status: int) -> None:
    run(retrieve, transport=Script(response(status, **headers), ACCEPTED))
    assert run.hours.sleeps == sleeps


def test_a_retry_after_over_a_minute_is_not_waited_for(run: Any) -> None:
    script = Script(response(429, Retry_After="61", X_Request_Id="req_9"), ACCEPTED)
    with pytest.raises(RateLimitError) as caught:
        run(retrieve, transport=script)
    assert (caught.value.retry_after_seconds, caught.value.request_id) == (61.0, "req_9")
    assert (len(script.requests), run.hours.sleeps) == (1, [])


def test_each_request_has_a_timeout(run: Any) -> None:
    script = Script(ACCEPTED)
    run(retrieve, transport=script, timeout_seconds=7)
    assert script.requests[0].extensions["timeout"] == {"connect": 7, "read": 7, "write": 7, "pool": 7}


# What is raised


@pytest.mark.parametrize(
    ("step", "kind", "message"),
    [
        (httpx.ReadTimeout, APITimeoutError, "GET /jobs/job_1: no answer from https://tchavi.com/api/v1 within 60 s."),
        (httpx.ReadError, APIConnectionError, "GET /jobs/job_1: no answer from https://tchavi.com/api/v1: it broke"),
        (httpx.Response(502, json=BUSY), UpstreamError, "The provider did not answer. (502 upstream_error)"),
        (httpx.Response(500, text="<html>"), ServerError, "The server answered 500 without an explanation. (500)"),
        (
            httpx.Response(302, headers={"Location": "https://elsewhere.example/"}),
            UnreadableAnswerError,
            "GET /jobs/job_1: the server answered with a redirect. "
            "Is https://tchavi.com/api/v1 the right base URL? (302)",
        ),
        (
            httpx.Response(200, text="<html>"),
            UnreadableAnswerError,
            "GET /jobs/job_1: the server answered with something other than a JSON object. "
            "Is https://tchavi.com/api/v1 the right base URL? (200)",
        ),
        (
            httpx.Response(200, content=b" " * (8 * 1024**2 + 1)),
            UnreadableAnswerError,
            "GET /jobs/job_1: the answer is longer than 8,388,608 bytes.",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_each_network_failure_has_a_message(run: Any, step: Step, kind: type[Exception], message: str) -> None:
    with pytest.raises(TchaviError) as caught:
        run(retrieve, transport=Script(step), max_retries=0)
    assert type(caught.value) is kind
    assert str(caught.value) == message
    assert caught.value.outcome_unknown is False


@pytest.mark.parametrize(
    ("step", "outcome_unknown"),
    [
        (httpx.Response(202, text="<html>"), True),
        (httpx.Response(202, json=[]), True),
        (httpx.Response(202, json={"status": "pending"}), True),
        (httpx.Response(202, content=b" " * (8 * 1024**2 + 1)), True),
        (httpx.DecodingError, True),
        (response(500), True),
        (response(504), True),
        (response(302), False),
        (response(400), False),
        (response(429), False),
        (httpx.ConnectError, False),
        (httpx.UnsupportedProtocol, False),
    ],
    ids=str,
)
def test_errors_say_whether_credits_may_have_moved(run: Any, step: Step, outcome_unknown: bool) -> None:
    with pytest.raises(TchaviError) as caught:
        run(create, transport=Script(step), max_retries=0)
    assert caught.value.outcome_unknown is outcome_unknown


def test_missing_fields_are_filled_from_what_is_known(run: Any) -> None:
    assert run(create, transport=Script(httpx.Response(202, json={"id": "job_1"}))).status == "pending"
    assert run(retrieve, transport=Script(httpx.Response(200, json={"status": "dreaming"}))).id == "job_1"


def test_no_error_shows_the_key(run: Any) -> None:
    class Chatty(httpx.ReadError):
        def __init__(self, message: str, *, request: httpx.Request) -> None:
            super().__init__(f"sent {request.headers['authorization']}", request=request)

    with pytest.raises(APIConnectionError) as caught:
        run(create, transport=Script(Chatty), api_key="sk-tch_secret")
    assert str(caught.value).endswith(": sent Bearer sk-tch_…")
    assert "secret" not in f"{caught.value!r} {vars(caught.value)}"


@pytest.mark.parametrize("status", [404, 405, 501])
def test_an_unsupported_studio_endpoint(run: Any, status: int) -> None:
    with pytest.raises(NotOfferedError) as caught:
        run(lambda client: client.credits.retrieve(), transport=Script(response(status)))
    assert (caught.value.status, caught.value.message) == (
        status,
        "https://tchavi.com/api/v1 does not offer GET /credits.",
    )


def test_a_failing_studio_endpoint(run: Any) -> None:
    with pytest.raises(AuthenticationError):
        run(lambda client: client.credits.retrieve(), transport=Script(response(401)))


@pytest.mark.parametrize(
    ("scenario", "call"),
    [
        (lambda client: client.models.list(), "GET /models"),
        (lambda client: client.videos.quote(**BOAT), "POST /videos/quote"),
    ],
)
def test_a_server_without_studio_endpoints(run: Any, scenario: Callable[[Any], Any], call: str) -> None:
    with pytest.raises(NotOfferedError) as caught:
        run(scenario, transport=Script(response(404)))
    assert caught.value.message == f"https://tchavi.com/api/v1 does not offer {call}."


def test_a_server_that_cannot_cancel(run: Any) -> None:
    script = Script(response(404), ACCEPTED)
    with pytest.raises(NotOfferedError) as caught:
        run(lambda client: client.jobs.cancel("job_1"), transport=script)
    assert caught.value.message == "https://tchavi.com/api/v1 does not offer DELETE /jobs/job_1."
    assert [request.method for request in script.requests] == ["DELETE", "GET"]


def test_a_server_without_uploads(run: Any, tmp_path: Path) -> None:
    (tmp_path / "first.png").write_bytes(b"picture")

    async def answer_async(request: httpx.Request) -> httpx.Response:
        await request.aread()
        return response(404)

    transport = httpx.MockTransport(answer_async if run.mode == "async" else lambda request: response(404))
    with pytest.raises(NotOfferedError) as caught:
        run(
            lambda client: client.videos.generations.create(**BOAT, image_url=tmp_path / "first.png"),
            transport=transport,
        )
    assert caught.value.message == (
        "https://tchavi.com/api/v1 does not offer POST /files. Pass a URL instead of the local file first.png."
    )


def test_a_server_that_names_the_job_only_under_job(run: Any) -> None:
    record = {"id": "job_1", "status": "pending", "model": "seedance-2", "tchavi": {"credits_used": 1300}}
    job = run(create, transport=Script(httpx.Response(202, json={"job": record})))
    assert (job.id, job.status, job.model, job.credits_used) == ("job_1", "pending", "seedance-2", 1300)


def test_a_refused_key_that_the_server_quotes_is_not_repeated_in_the_error(run: Any) -> None:
    quoting = httpx.Response(401, json={"error": {"message": "Unknown key Bearer sk-tch_wrong_key."}})
    with pytest.raises(AuthenticationError) as caught:
        run(retrieve, transport=Script(quoting), api_key="sk-tch_wrong_key")
    assert caught.value.message == "Unknown key Bearer sk-tch_...."
    assert "sk-tch_wrong_key" not in f"{caught.value!r} {vars(caught.value)}"


@pytest.mark.parametrize(
    ("limit", "remaining", "sleeps"),
    [(10, 4, [12.0, 12.0]), (300, 299, [2.0, 2.5]), (10, 0, [60.0, 60.0])],
)
def test_polling_follows_whatever_the_headers_say(run: Any, limit: int, remaining: int, sleeps: list[float]) -> None:
    headers = {"X-RateLimit-RPM-Limit": str(limit), "X-RateLimit-RPM-Remaining": str(remaining)}
    open_job = httpx.Response(202, json={"id": "job_1", "status": "pending"}, headers=headers)
    done = httpx.Response(200, json={"id": "job_1", "status": "completed"})
    run(
        lambda client: client.videos.generations.create_and_wait(**BOAT),
        transport=Script(open_job, open_job, done),
    )
    assert run.hours.sleeps == sleeps


def test_credits_only_in_the_headers(run: Any) -> None:
    answer = httpx.Response(200, json={}, headers={"X-Credits-Remaining": "12"})
    assert run(lambda client: client.credits.retrieve(), transport=Script(answer)).balance_credits == 12


def test_an_upload_answered_without_a_url(run: Any, tmp_path: Any) -> None:
    (tmp_path / "a.png").write_bytes(b"picture")
    with pytest.raises(UnreadableAnswerError, match="POST /files: the server gave no URL"):
        run(lambda client: client.files.upload(tmp_path / "a.png"), transport=Script(httpx.Response(201, json={})))


def test_a_retried_upload_sends_the_whole_file(run: Any, tmp_path: Any) -> None:
    (tmp_path / "a.png").write_bytes(b"picture")
    bodies: list[bytes] = []

    async def answer_async(request: httpx.Request) -> httpx.Response:
        return answered(await request.aread())

    def answer(request: httpx.Request) -> httpx.Response:
        return answered(request.read())

    def answered(content: bytes) -> httpx.Response:
        bodies.append(content)
        return httpx.Response(503) if len(bodies) == 1 else httpx.Response(201, json={"url": "https://x/a.png"})

    transport = httpx.MockTransport(answer_async if run.mode == "async" else answer)
    run(lambda client: client.files.upload(tmp_path / "a.png"), transport=transport)
    assert [body.count(b"picture") for body in bodies] == [1, 1]


# Lists and waiting


def test_a_server_that_ignores_the_offset_does_not_loop_forever(run: Any) -> None:
    page = httpx.Response(200, json={"data": [{"id": f"job_{number}"} for number in range(50)]})
    script = Script(page)
    assert len(run(lambda client: client.jobs.list(), transport=script)) == 50
    assert len(script.requests) == 2


def test_only_a_server_that_says_whether_there_is_more_is_asked_for_jobs_after_one(run: Any) -> None:
    def page(first: int, **more: object) -> httpx.Response:
        return httpx.Response(200, json={"data": [{"id": f"job_{first + step}"} for step in range(50)], **more})

    for first_page, queries in (
        (page(0), ["limit=50&offset=0", "limit=50&offset=50"]),
        (page(0, has_more=True), ["limit=50&offset=0", "limit=50&offset=50&after=job_49"]),
    ):
        script = Script(first_page, page(50, has_more=False))
        assert len(run(lambda client: client.jobs.list(), transport=script)) == 100
        assert [request.url.query.decode() for request in script.requests] == queries


@pytest.mark.parametrize(("has_more", "pages"), [(True, 2), (False, 1)])
def test_has_more_is_honoured(run: Any, has_more: bool, pages: int) -> None:
    script = Script(
        httpx.Response(200, json={"data": [{"id": "job_1"}], "has_more": has_more}),
        httpx.Response(200, json={"data": []}),
    )
    assert len(run(lambda client: client.jobs.list(), transport=script)) == 1
    assert len(script.requests) == pages


def test_temporary_failures_do_not_end_the_wait(run: Any) -> None:
    """A Retry-After applies only to the next poll."""
    done = httpx.Response(200, json={"id": "job_1", "status": "completed"})
    busy = response(429, Retry_After="30")
    script = Script(ACCEPTED, response(500), httpx.ReadTimeout, busy, ACCEPTED, response(504), done)
    job = run(lambda client: client.videos.generations.create_and_wait(**BOAT), transport=script)
    assert job.is_completed
    assert run.hours.sleeps == [2.0, 2.5, 3.125, 30.0, 4.8828125, 6.103515625]


def test_a_lasting_failure_ends_the_wait_and_is_the_cause(run: Any) -> None:
    with pytest.raises(JobTimeoutError) as caught:
        run(
            lambda client: client.videos.generations.create_and_wait(**BOAT, timeout_seconds=5),
            transport=Script(ACCEPTED, httpx.ConnectError),
        )
    assert caught.value.job_id == "job_1"
    assert type(caught.value.__cause__) is APIConnectionError


@pytest.mark.parametrize(("status", "kind"), [(401, AuthenticationError), (404, NotFoundError)])
def test_a_refused_poll_raises_with_the_job_id(run: Any, status: int, kind: type[APIError]) -> None:
    with pytest.raises(kind) as caught:
        run(
            lambda client: client.videos.generations.create_and_wait(**BOAT),
            transport=Script(ACCEPTED, response(status)),
        )
    assert caught.value.job_id == "job_1"


def test_an_interruption_while_waiting_propagates(run: Any) -> None:
    class Interruption(BaseException):
        pass

    def interrupt(job: Any) -> None:
        raise Interruption

    with pytest.raises(Interruption):
        run(
            lambda client: client.videos.generations.create_and_wait(**BOAT, on_update=interrupt),
            transport=Script(ACCEPTED),
        )


def test_the_client_logs_nothing(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="tchavi_studio"):
        run(create, transport=Script(ACCEPTED))
    assert [record for record in caplog.records if record.name.startswith("tchavi_studio")] == []


# Whether files are taken


def files_are_taken(client: Any) -> Any:
    return client.files.are_taken()


@pytest.mark.parametrize(
    ("status", "expected"), [(404, False), (501, False), (405, True), (200, True)], ids=["404", "501", "405", "200"]
)
def test_file_support_is_read_from_the_refusal(run: Any, status: int, expected: bool) -> None:
    """A server with uploads refuses GET at that path; one without them answers 404."""
    script = Script(httpx.Response(status, json={}))
    assert run(files_are_taken, transport=script) is expected
    assert [(request.method, request.url.path) for request in script.requests] == [("GET", "/api/v1/files")]
    assert script.requests[0].content == b""


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (response(400), APIError),
        (response(401), AuthenticationError),
        (response(302), UnreadableAnswerError),
        (httpx.Response(200, html="<html></html>"), UnreadableAnswerError),
        (response(500), ServerError),
    ],
    ids=["400", "401", "302", "a page", "500"],
)
def test_an_unclear_answer_about_file_support_is_an_error(run: Any, step: Step, error: type[Exception]) -> None:
    with pytest.raises(error):
        run(files_are_taken, transport=Script(step))


def test_the_file_support_request_is_retried(run: Any) -> None:
    script = Script(response(502), httpx.ConnectError, response(405))
    assert run(files_are_taken, transport=script) is True
    assert len(script.requests) == 3
