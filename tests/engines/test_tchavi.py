"""The remote engine and the test provider: what each mishap means for money, and what is made of odd answers."""

import asyncio
import hashlib
import json
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from tchavi_studio.client import Clock
from tchavi_studio.engines.base import (
    Accepted,
    AccountRefusedError,
    Budget,
    EngineError,
    EngineReference,
    EngineRequest,
    JobList,
    NotSentError,
    OutOfBudgetError,
    OutputExpiredError,
    RefusedError,
    RemoteState,
    Retrieved,
    Snapshot,
    UnavailableError,
    UnknownOutcomeError,
    UploadedReference,
)
from tchavi_studio.engines.tchavi import TchaviEngine, fetch_output
from tests.databases import free_port
from tests.upstream.conftest import START
from tests.upstream.faults import KINDS, OUTPUT
from tests.upstream.running import RunningUpstream
from tests.upstream.service import API_KEY, Settings, Upstream
from tests.upstream.transport import UpstreamTransport

T = TypeVar("T")
BASE_URL = "http://upstream.test/v1"
REQUEST = EngineRequest(
    generation_id="b1d1a1f0-0000-4000-8000-000000000001",
    model="seedance-2",
    prompt="A paper boat in the rain",
    duration_seconds=5,
    resolution="480p",
    aspect_ratio="16:9",
    generate_audio=True,
    seed=7,
)
FULL = Budget(limit_per_minute=300, remaining=299)


@pytest.fixture
def upstream() -> Upstream:
    return Upstream(lambda: START, settings=Settings(job_seconds=None, takes_files=True), clip=b"film")


def answer_with(status: int, payload: object) -> httpx.Response:
    """As httpx would make it, but written in ASCII, as half a surrogate pair has to be."""
    return httpx.Response(status, content=json.dumps(payload).encode())


def carry_out(
    transport: httpx.AsyncBaseTransport, request: Callable[[TchaviEngine], Awaitable[T]], **options: Any
) -> T:
    async def carried_out() -> T:
        engine = TchaviEngine(api_key=API_KEY, base_url=BASE_URL, transport=transport, **options)
        try:
            return await request(engine)
        finally:
            await engine.close()

    return asyncio.run(carried_out())


def answering(*answers: httpx.Response | type[httpx.RequestError] | Exception) -> httpx.MockTransport:
    """A server that gives these answers one after the other, and repeats the last."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        now = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(now, httpx.Response):
            return now
        raise now if isinstance(now, Exception) else now("it broke", request=request)

    return httpx.MockTransport(answer)


async def submit(engine: TchaviEngine) -> Accepted:
    return await engine.submit(REQUEST, attempt_id="attempt-1")


async def list_jobs(engine: TchaviEngine) -> JobList:
    return await engine.list_jobs(offset=0)


async def takes_files(engine: TchaviEngine) -> bool:
    return await engine.takes_files()


def retrieve(remote_id: str) -> Callable[[TchaviEngine], Awaitable[Retrieved]]:
    return lambda engine: engine.retrieve(remote_id)


def upload(path: Path) -> Callable[[TchaviEngine], Awaitable[UploadedReference]]:
    reference = EngineReference(content_type="image/png", path=path)
    return lambda engine: engine.upload(reference)


# --- What each fault means: the table on which money hangs ------------------------------------------------------------

ANSWERED = Accepted
"""No error: there is an answer to go on with."""

DECIDED: dict[str, tuple[type, type]] = {
    "invalid_api_key": (AccountRefusedError, AccountRefusedError),
    "insufficient_credits": (AccountRefusedError, AccountRefusedError),
    "model_not_allowed": (AccountRefusedError, AccountRefusedError),
    "rate_limit_exceeded": (OutOfBudgetError, OutOfBudgetError),
    "user_rate_limit_exceeded": (OutOfBudgetError, OutOfBudgetError),
    "tpm_rate_limit_exceeded": (OutOfBudgetError, OutOfBudgetError),
    "rate_limit_without_retry_after": (OutOfBudgetError, OutOfBudgetError),
    "redirect": (AccountRefusedError, UnavailableError),
}
UNDECIDED = (
    *("drop_before_commit", "stall_before_commit", "outage", "request_timeout", "internal_error", "upstream_error"),
    *("html_502", "html_503", "html_504"),
    *("drop_after_commit", "stall_after_commit", "request_timeout_after_commit", "internal_error_after_commit"),
    *("upstream_error_after_commit", "html_502_after_commit", "html_503_after_commit", "html_504_after_commit"),
    *("cut_answer", "malformed_json", "truncated_json", "html_200", "json_list", "json_null"),
)
READABLE = (
    *("delay", "missing_fields", "unknown_fields", "unknown_state", "reordered_list", "duplicated_list", "lagging"),
    *("clock_skew", "output_elsewhere", "expired_link"),
)

MEANINGS: dict[str, dict[str, type]] = {
    **{kind: {"create": paid, "list": free, "job": free, "upload": free} for kind, (paid, free) in DECIDED.items()},
    **{
        kind: {
            "create": UnknownOutcomeError,
            "list": UnavailableError,
            "job": UnavailableError,
            "upload": UnavailableError,
        }
        for kind in UNDECIDED
    },
    **{kind: dict.fromkeys(("create", "list", "job", "upload"), ANSWERED) for kind in READABLE},
    # A submission without a name can't be followed; an upload is known by its address alone.
    "missing_id": {"create": UnknownOutcomeError, "list": ANSWERED, "job": ANSWERED, "upload": ANSWERED},
}
MEANINGS["missing_fields"] = {**MEANINGS["missing_fields"], "upload": UnavailableError}

CASES = [
    (route, kind, MEANINGS[kind][route])
    for kind in MEANINGS
    for route in MEANINGS[kind]
    if kind in KINDS and route in KINDS[kind].routes
]
FILM_FAULTS = {
    **dict.fromkeys(("expired_url",), OutputExpiredError),
    **dict.fromkeys(("stalled_download", "slow_download", "cut_file"), UnavailableError),
    **dict.fromkeys(("drop_before_commit", "stall_before_commit", "drop_after_commit"), UnavailableError),
    **dict.fromkeys(("stall_after_commit", "delay", "internal_error", "upstream_error"), UnavailableError),
    **dict.fromkeys(("html_502", "html_503", "html_504"), UnavailableError),
    # Nobody can see it in the transfer: whoever keeps the file has to look into it.
    **dict.fromkeys(("cut_file_without_length", "short_file", "html_200"), None),
}


def test_every_kind_of_fault_has_its_meaning_here() -> None:
    api_kinds = {kind for kind, facts in KINDS.items() if set(facts.routes) - {OUTPUT}}
    film_kinds = {kind for kind, facts in KINDS.items() if OUTPUT in facts.routes}
    assert set(MEANINGS) == api_kinds
    assert set(FILM_FAULTS) | {"outage"} == film_kinds
    assert {(route, kind) for route, kind, _meaning in CASES} == {
        (route, kind) for kind in api_kinds for route in KINDS[kind].routes if route != OUTPUT
    }


@pytest.mark.parametrize(("route", "kind", "meaning"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_what_a_fault_means(upstream: Upstream, tmp_path: Path, route: str, kind: str, meaning: type) -> None:
    picture = tmp_path / "first.png"
    picture.write_bytes(b"a picture")
    known = upstream.add_job(model="seedance-2", prompt="Earlier")
    requests: dict[str, Callable[[TchaviEngine], Awaitable[object]]] = {
        "create": submit,
        "list": list_jobs,
        "job": retrieve(known),
        "upload": upload(picture),
    }
    upstream.arm(route, kind)
    transport = UpstreamTransport(upstream)
    if meaning is ANSWERED:
        answer = carry_out(transport, requests[route])
        assert isinstance(answer, {"create": Accepted, "list": JobList, "job": Retrieved}.get(route, UploadedReference))
    else:
        with pytest.raises(EngineError) as caught:
            carry_out(transport, requests[route])
        assert type(caught.value) is meaning
    assert [exchange.fault for exchange in upstream.requests(route)] == [kind], "it was sent more than once"
    made = sum(exchange.created for exchange in upstream.requests())
    if route != "create" or meaning not in (ANSWERED, UnknownOutcomeError):
        assert made == 0, "a job was made and billed, and the engine says that it surely was not"
    elif meaning is ANSWERED:
        assert made == 1


def test_a_paid_answer_that_takes_too_long_has_an_unknown_outcome(upstream: Upstream) -> None:
    upstream.arm("create", "delay", seconds=20.5)
    with pytest.raises(UnknownOutcomeError):
        carry_out(UpstreamTransport(upstream), submit)
    assert len(upstream.jobs()) == 1


def test_where_nobody_listens_nothing_was_sent(upstream: Upstream) -> None:
    upstream.take_down(60)
    with pytest.raises(NotSentError) as caught:
        carry_out(UpstreamTransport(upstream), submit)
    assert caught.value.code == "upstream_unreachable"
    with pytest.raises(UnavailableError):
        carry_out(UpstreamTransport(upstream), list_jobs)


@pytest.mark.parametrize(
    ("broke", "meaning"),
    [
        *[(broke, NotSentError) for broke in (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)],
        *[(broke, NotSentError) for broke in (httpx.ProxyError, httpx.UnsupportedProtocol, httpx.LocalProtocolError)],
        *[(broke, UnknownOutcomeError) for broke in (httpx.ReadTimeout, httpx.WriteTimeout, httpx.ReadError)],
        *[(broke, UnknownOutcomeError) for broke in (httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)],
        *[(broke, UnknownOutcomeError) for broke in (httpx.DecodingError, httpx.TooManyRedirects)],
    ],
)
def test_which_broken_connections_surely_carried_nothing(
    broke: type[httpx.RequestError], meaning: type[EngineError]
) -> None:
    with pytest.raises(EngineError) as caught:
        carry_out(answering(broke), submit)
    assert type(caught.value) is meaning
    with pytest.raises(UnavailableError):
        carry_out(answering(broke), list_jobs)


def meaning_of_status(status: int) -> type[EngineError]:
    if status < 400 or status in (401, 402, 403, 404, 405):
        return AccountRefusedError
    if status in (408, 409, 425) or status >= 500:
        return UnknownOutcomeError
    return OutOfBudgetError if status == 429 else RefusedError


@pytest.mark.parametrize("status", [*range(300, 309), *range(400, 432), 451, *range(500, 512), 599])
def test_every_status_of_a_submission_is_decided(status: int) -> None:
    with pytest.raises(EngineError) as caught:
        carry_out(answering(httpx.Response(status, json={})), submit)
    assert type(caught.value) is meaning_of_status(status)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_answer_of_success_without_a_job_has_an_unknown_outcome(status: int) -> None:
    for body in (b"", b"{}", b'{"job": {}}', b'{"job": null}', b'{"id": null}', b'{"id": ""}', b"[]"):
        with pytest.raises(UnknownOutcomeError):
            carry_out(answering(httpx.Response(status, content=body)), submit)


def test_what_cannot_be_sent_is_refused_without_words_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RefusedError) as caught:
        carry_out(answering(httpx.Response(200)), lambda engine: engine.submit(REQUEST, attempt_id=""))
    assert (caught.value.code, caught.value.message) == ("request_not_sendable", "")
    assert "A request could not be sent: An idempotency key must be 1 to 255 visible ASCII characters." in caplog.text


def test_a_refusal_is_told_as_the_provider_told_it(upstream: Upstream) -> None:
    def refused(engine: TchaviEngine) -> Awaitable[Accepted]:
        request = EngineRequest(**{**vars(REQUEST), "prompt": "\0"})
        return engine.submit(request, attempt_id="attempt-1")

    with pytest.raises(RefusedError) as caught:
        carry_out(UpstreamTransport(upstream), refused)
    assert (caught.value.code, caught.value.message) == (
        "invalid_request",
        "prompt: must have 1 to 10,000 characters",
    )
    assert caught.value.budget == FULL
    with pytest.raises(RefusedError) as caught:
        carry_out(answering(httpx.Response(422, content=b"no")), submit)
    # The client's own words for "no explanation" are English: what is shown instead depends on the reader.
    assert (caught.value.code, caught.value.message) == ("http_422", "")


def test_what_can_not_be_written_as_json_is_refused_and_not_sent() -> None:
    def unsendable(engine: TchaviEngine) -> Awaitable[Accepted]:
        return engine.submit(EngineRequest(**{**vars(REQUEST), "prompt": "half a pair: \udc80"}), attempt_id="a")

    transport = answering(httpx.Response(500))
    with pytest.raises(EngineError) as caught:
        carry_out(transport, unsendable)
    assert type(caught.value) is RefusedError


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "17"}, 17.0), ({"Retry-After": "soon"}, None), ({}, None), ({"Retry-After": "0"}, 0.0)],
)
def test_how_long_to_wait_is_told(headers: dict[str, str], seconds: float | None) -> None:
    for request in (submit, list_jobs):
        with pytest.raises(OutOfBudgetError) as caught:
            carry_out(answering(httpx.Response(429, headers=headers)), request)
        assert caught.value.retry_after_seconds == seconds


def test_a_date_to_wait_for_counts_from_now() -> None:
    clock = Clock(now=lambda: datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC))
    late = answering(httpx.Response(429, headers={"Retry-After": "Sun, 01 Mar 2026 12:00:40 GMT"}))
    with pytest.raises(OutOfBudgetError) as caught:
        carry_out(late, submit, clock=clock)
    assert caught.value.retry_after_seconds == 40.0


# --- What is sent -----------------------------------------------------------------------------------------------------


def test_a_request_is_sent_with_every_parameter_under_its_name() -> None:
    sent: list[httpx.Request] = []

    def keep(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(202, json={"id": "job_1"})

    def url(name: str) -> EngineReference:
        return EngineReference(content_type="image/png", url=f"https://studio.example.org/{name}")

    request = EngineRequest(
        **{
            **vars(REQUEST),
            "via": "0123456789abcdef",
            "first_frame": url("first"),
            "last_frame": url("last"),
            "reference_images": (url("i1"), url("i2")),
            "reference_videos": (url("v1"),),
            "reference_audios": (url("a1"),),
        }
    )
    carry_out(httpx.MockTransport(keep), lambda engine: engine.submit(request, attempt_id="attempt-9"))
    assert json.loads(sent[0].content) == {
        "model": "seedance-2",
        "prompt": "A paper boat in the rain",
        "duration": 5,
        "resolution": "480p",
        "aspect_ratio": "16:9",
        "generate_audio": True,
        "seed": 7,
        "image_url": "https://studio.example.org/first",
        "last_frame_image_url": "https://studio.example.org/last",
        "reference_images": ["https://studio.example.org/i1", "https://studio.example.org/i2"],
        "reference_videos": ["https://studio.example.org/v1"],
        "reference_audios": ["https://studio.example.org/a1"],
    }
    assert sent[0].headers["Idempotency-Key"] == "attempt-9"
    assert sent[0].headers["Authorization"] == f"Bearer {API_KEY}"
    assert sent[0].headers["X-Studio-Via"] == "0123456789abcdef"
    carry_out(httpx.MockTransport(keep), submit)
    assert sorted(json.loads(sent[1].content)) == [
        "aspect_ratio",
        "duration",
        "generate_audio",
        "model",
        "prompt",
        "resolution",
        "seed",
    ]


def test_a_page_is_fifty_jobs_from_an_offset(upstream: Upstream) -> None:
    ids = [upstream.add_job(model="seedance-2", prompt=f"Number {number}") for number in range(60)][::-1]

    def ask(offset: int) -> list[str]:
        page = carry_out(UpstreamTransport(upstream), lambda engine: engine.list_jobs(offset=offset))
        return [snapshot.remote_id for snapshot in page.snapshots]

    assert (ask(0), ask(50), ask(100)) == (ids[:50], ids[50:], [])
    assert upstream.requests("list")[1].target == "/v1/jobs?limit=50&offset=50"


def test_the_key_is_in_no_address_no_log_and_no_error(upstream: Upstream, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    upstream.add_job(model="seedance-2", prompt="Earlier")
    told: list[str] = []
    for kind in ("unknown_fields", "invalid_api_key", "drop_after_commit"):
        for route, request in (("create", submit), ("list", list_jobs)):
            upstream.arm(route, kind)
            try:
                carry_out(UpstreamTransport(upstream), request)
            except EngineError as error:
                told += [repr(error), error.message, repr(error.__cause__)]
    quoting = httpx.Response(401, json={"error": {"code": "invalid_api_key", "message": f"No such key: {API_KEY}"}})
    with pytest.raises(AccountRefusedError) as caught:
        carry_out(answering(quoting), submit)
    told += [caught.value.message, caplog.text, *(exchange.target for exchange in upstream.requests())]
    assert len(upstream.requests()) == 6
    assert [text for text in told if API_KEY in text] == []


# --- What is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["flat", "id", "job"])
def test_an_acceptance_in_any_shape(upstream: Upstream, shape: str) -> None:
    upstream.set(accepted_as=shape)
    accepted = carry_out(UpstreamTransport(upstream), submit)
    job = upstream.jobs()[0]
    billed_credits = 1300 if shape == "flat" else None
    assert accepted == Accepted(remote_id=job.id, billed_credits=billed_credits, budget=FULL)


@pytest.mark.parametrize("name", ["j" * 201, "job\0", "job\ud800"])
def test_a_name_that_no_row_can_keep_is_no_name(name: str) -> None:
    with pytest.raises(UnknownOutcomeError):
        carry_out(answering(answer_with(202, {"id": name})), submit)
    listed = answer_with(200, {"data": [{"id": name}, {"id": "job_2"}]})
    assert [snapshot.remote_id for snapshot in carry_out(answering(listed), list_jobs).snapshots] == ["job_2"]
    longest = httpx.Response(202, json={"id": "j" * 200})
    assert carry_out(answering(longest), submit).remote_id == "j" * 200


def read(record: dict[str, Any]) -> Snapshot:
    listed = carry_out(answering(answer_with(200, {"data": [{"id": "job_1", **record}]})), list_jobs)
    return listed.snapshots[0]


def test_a_whole_record() -> None:
    assert read(
        {
            "status": "failed",
            "model": "kling-v3",
            "created_at": "2026-03-01T12:00:00Z",
            "tchavi": {"credits_used": 1300, "credits_refunded": 1200},
            "error": {"code": "content_policy_violation", "message": "A real person's face."},
        }
    ) == Snapshot(
        remote_id="job_1",
        state=RemoteState.FAILED,
        model="kling-v3",
        created_at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        error_code="content_policy_violation",
        error_message="A real person's face.",
        billed_credits=1300,
        refunded_credits=1200,
    )
    assert read({}) == Snapshot(remote_id="job_1", state=RemoteState.PROCESSING)


URL = {"output": {"video_url": "https://cdn.example.org/1.mp4"}}


@pytest.mark.parametrize(
    ("status", "more", "state"),
    [
        ("pending", {}, RemoteState.PENDING),
        ("queued", {}, RemoteState.PENDING),
        ("submitted", {}, RemoteState.PENDING),
        ("processing", {}, RemoteState.PROCESSING),
        ("paused", {}, RemoteState.PROCESSING),
        ("", {}, RemoteState.PROCESSING),
        (7, {}, RemoteState.PROCESSING),
        (None, {}, RemoteState.PROCESSING),
        ("completed", URL, RemoteState.COMPLETED),
        ("SUCCEEDED", URL, RemoteState.COMPLETED),
        ("success", URL, RemoteState.COMPLETED),
        ("completed", {}, RemoteState.PROCESSING),
        ("completed", {"output": None}, RemoteState.PROCESSING),
        ("completed", {"output": {"video_url": ""}}, RemoteState.PROCESSING),
        ("completed", {"output": "https://cdn.example.org/1.mp4"}, RemoteState.PROCESSING),
        ("failed", {}, RemoteState.FAILED),
        ("error", {}, RemoteState.FAILED),
        ("canceled", {}, RemoteState.FAILED),
        ("cancelled", {}, RemoteState.FAILED),
        ("expired", {}, RemoteState.FAILED),
    ],
)
def test_states(status: object, more: dict[str, Any], state: RemoteState) -> None:
    snapshot = read({"status": status, **more})
    assert snapshot.state == state
    assert snapshot.output_url == ("https://cdn.example.org/1.mp4" if state == RemoteState.COMPLETED else "")


def test_an_address_beside_an_open_state_is_not_taken() -> None:
    assert read({"status": "processing", **URL}).output_url == ""


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"error": "It broke."}, ("", "It broke.")),
        ({"error": {"code": "e\0vil", "message": "nul \0 and half \ud800"}}, ("evil", "nul  and half ?")),
        ({"error": ["a", "list"]}, ("", "")),
        ({"error": {"code": 17, "message": None}}, ("17", "")),
    ],
)
def test_reasons_are_read_as_texts_that_can_be_kept(record: dict[str, Any], expected: tuple[str, str]) -> None:
    snapshot = read({"status": "failed", **record})
    assert (snapshot.error_code, snapshot.error_message) == expected


@pytest.mark.parametrize("amount", [-1, 10**12 + 1, 10**300, 1.5, True, "a lot", None, [1]])
def test_an_absurd_amount_is_none(amount: object) -> None:
    snapshot = read({"status": "failed", "tchavi": {"credits_used": amount, "credits_refunded": amount}})
    assert (snapshot.billed_credits, snapshot.refunded_credits) == (None, None)


def test_a_list_of_nonsense_is_an_empty_list() -> None:
    nonsense: list[object] = [[], None, {}, "jobs", [None, 1, "a", []], [{}, {"id": ""}, {"id": None}]]
    for data in nonsense:
        page = carry_out(answering(httpx.Response(200, json={"data": data})), list_jobs)
        assert page == JobList(snapshots=(), is_whole=data != [{}, {"id": ""}, {"id": None}])


def test_one_job_by_its_name(upstream: Upstream) -> None:
    known = upstream.add_job(model="seedance-2", prompt="Earlier")
    retrieved = carry_out(UpstreamTransport(upstream), retrieve(known))
    assert retrieved.snapshot is not None
    assert (retrieved.snapshot.remote_id, retrieved.snapshot.state) == (known, RemoteState.PENDING)
    assert carry_out(UpstreamTransport(upstream), retrieve("job_unknown")) == Retrieved(
        snapshot=None, budget=Budget(limit_per_minute=300, remaining=298)
    )
    nameless = carry_out(answering(httpx.Response(200, json={"job": {}})), retrieve("job_1"))
    assert nameless.snapshot == Snapshot(remote_id="job_1", state=RemoteState.PROCESSING)


def test_news_of_another_job_than_the_one_asked_for_is_no_news() -> None:
    with pytest.raises(UnavailableError):
        carry_out(answering(httpx.Response(200, json={"id": "job_2", "status": "failed"})), retrieve("job_1"))


@pytest.mark.parametrize(
    ("limit", "remaining", "budget"),
    [
        ("30", "12", Budget(limit_per_minute=30, remaining=12)),
        ("30", None, Budget(limit_per_minute=30)),
        (None, "0", Budget(remaining=0)),
        (None, None, Budget()),
        ("0", "-1", Budget()),
        ("-5", "many", Budget()),
        ("999999999999", "999999999999", Budget()),
        ("unlimited", "", Budget()),
        ("1000000", "1000000", Budget(limit_per_minute=1_000_000, remaining=1_000_000)),
    ],
)
def test_budgets_are_read_where_they_make_sense(limit: str | None, remaining: str | None, budget: Budget) -> None:
    told = {"X-RateLimit-RPM-Limit": limit, "X-RateLimit-RPM-Remaining": remaining}
    headers = {name: value for name, value in told.items() if value is not None}
    for status, body, request in (
        (202, {"id": "job_1"}, submit),
        (200, {"data": []}, list_jobs),
        (200, {"id": "job_1"}, retrieve("job_1")),
        (404, {}, retrieve("job_1")),
    ):
        answer: Any = carry_out(answering(httpx.Response(status, json=body, headers=headers)), request)
        assert answer.budget == budget
    for status in (400, 402, 429):
        with pytest.raises(EngineError) as caught:
            carry_out(answering(httpx.Response(status, json={}, headers=headers)), submit)
        assert caught.value.budget == budget


# --- Uploads ----------------------------------------------------------------------------------------------------------


def test_a_file_is_uploaded_once_and_its_address_told(upstream: Upstream, tmp_path: Path) -> None:
    picture = tmp_path / "first.png"
    picture.write_bytes(b"a picture")
    uploaded = carry_out(UpstreamTransport(upstream), upload(picture))
    assert uploaded == UploadedReference(
        url=f"http://upstream.test/files/{upstream.files[0].id}",
        expires_at=datetime.fromtimestamp(START + 86_400, UTC),
        budget=FULL,
    )
    assert [file.sha256 for file in upstream.files] == [hashlib.sha256(b"a picture").hexdigest()]


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        *[(status, RefusedError) for status in (400, 404, 405, 413, 415, 422, 501)],
        *[(status, AccountRefusedError) for status in (401, 402, 403)],
        *[(status, UnavailableError) for status in (408, 409, 425, 500, 502, 503)],
        (429, OutOfBudgetError),
    ],
)
def test_what_a_refused_upload_means(tmp_path: Path, status: int, meaning: type[EngineError]) -> None:
    picture = tmp_path / "first.png"
    picture.write_bytes(b"a picture")
    with pytest.raises(EngineError) as caught:
        carry_out(answering(httpx.Response(status, json={})), upload(picture))
    assert type(caught.value) is meaning
    if meaning is RefusedError:
        # Nobody over there said anything: the studio has the words, in the reader's language.
        assert (caught.value.code, caught.value.message) == ("reference_refused", "")


@pytest.mark.parametrize("status", [400, 404, 410, 422, 501])
def test_a_server_that_knows_no_files(status: int) -> None:
    assert carry_out(answering(httpx.Response(status, json={})), takes_files) is False


@pytest.mark.parametrize("status", [200, 405])
def test_a_server_that_takes_files(status: int) -> None:
    assert carry_out(answering(httpx.Response(status, json={"data": []})), takes_files) is True


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        *[(status, UnavailableError) for status in (302, 408, 409, 425, 500, 502, 503)],
        *[(status, AccountRefusedError) for status in (401, 402, 403)],
        (429, OutOfBudgetError),
    ],
)
def test_whether_files_are_taken_may_stay_open(status: int, meaning: type[EngineError]) -> None:
    with pytest.raises(EngineError) as caught:
        carry_out(answering(httpx.Response(status, content=b"")), takes_files)
    assert type(caught.value) is meaning


def test_the_test_upstream_with_and_without_files(upstream: Upstream) -> None:
    assert carry_out(UpstreamTransport(upstream), takes_files) is True
    upstream.set(takes_files=False)
    assert carry_out(UpstreamTransport(upstream), takes_files) is False


# --- Clips ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningUpstream]:
    with RunningUpstream(tmp_path_factory.mktemp("upstream"), job_seconds=None, requests_per_minute=10**6) as running:
        yield running


@pytest.fixture
def film(running: RunningUpstream) -> Iterator[tuple[str, bytes]]:
    """The address of a finished clip, and what is there."""
    job_id = running.control.add_job(model="seedance-2", prompt="A paper boat")
    running.control.finish(job_id)
    record = httpx.get(
        f"{running.base_url}/jobs/{job_id}", headers={"Authorization": f"Bearer {API_KEY}"}, trust_env=False
    ).json()
    clip = (running.folder / "upstream.mp4").read_bytes()
    label = job_id.encode()
    yield record["output"]["video_url"], clip + (8 + len(label)).to_bytes(4, "big") + b"free" + label
    running.control.disarm()


def fetch(url: str, destination: Path, base_url: str, *, allowed: tuple[str, ...] = (), seconds: float = 5.0) -> str:
    return fetch_output(url, destination, base_url=base_url, allowed_peers=allowed, timeout_seconds=seconds)


def test_a_film_from_where_the_api_is(running: RunningUpstream, film: tuple[str, bytes], tmp_path: Path) -> None:
    url, content = film
    path = tmp_path / "film.mp4"
    assert fetch(url, path, running.base_url) == hashlib.sha256(content).hexdigest()
    assert path.read_bytes() == content
    relative = url.removeprefix(running.origin)
    assert fetch(relative, tmp_path / "again.mp4", running.base_url) == hashlib.sha256(content).hexdigest()


def test_a_film_from_elsewhere_inside_is_refused_unless_it_is_allowed(
    running: RunningUpstream, film: tuple[str, bytes], tmp_path: Path
) -> None:
    """The provider must not make the studio open connections in its own network."""
    url, content = film
    home = running.base_url.replace(str(running.port), str(free_port()))
    path = tmp_path / "film.mp4"
    with pytest.raises(UnavailableError):
        fetch(url, path, home)
    for host in ("localhost", "[::1]", "127.0.0.2", "2130706433"):
        with pytest.raises(UnavailableError):
            fetch(url.replace("127.0.0.1", host), path, running.base_url)
    assert list(tmp_path.iterdir()) == []
    peer = f"127.0.0.1:{running.port}"
    assert fetch(url, path, home, allowed=(peer,)) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_api_is_exempt_at_its_own_port_only(scheme: str, tmp_path: Path) -> None:
    """Whatever scheme has no port in its address means 80 or 443: nothing else of that host opens."""
    with socket.create_server(("127.0.0.1", 0)) as secret:
        secret.settimeout(0.05)
        with pytest.raises(UnavailableError):
            fetch(f"http://127.0.0.1:{secret.getsockname()[1]}/", tmp_path / "film.mp4", f"{scheme}://127.0.0.1/v1")
        with pytest.raises(TimeoutError):
            secret.accept()


@pytest.mark.parametrize("kind", sorted(FILM_FAULTS))
def test_what_a_fault_on_the_way_of_a_film_means(
    running: RunningUpstream, film: tuple[str, bytes], tmp_path: Path, kind: str
) -> None:
    url, content = film
    running.control.arm("output", kind)
    path, meaning = tmp_path / "film.mp4", FILM_FAULTS[kind]
    if meaning is None:
        assert fetch(url, path, running.base_url) != hashlib.sha256(content).hexdigest()
        return
    slow = kind in ("stalled_download", "slow_download", "stall_before_commit", "stall_after_commit", "delay")
    with pytest.raises(EngineError) as caught:
        fetch(url, path, running.base_url, seconds=0.3 if slow else 5.0)
    assert type(caught.value) is meaning
    assert list(tmp_path.iterdir()) == []


def test_an_address_whose_time_is_over(running: RunningUpstream, film: tuple[str, bytes], tmp_path: Path) -> None:
    url, _content = film
    running.control.advance(86_401)
    with pytest.raises(OutputExpiredError):
        fetch(url, tmp_path / "film.mp4", running.base_url)


@pytest.mark.parametrize("url", ["http://[::1", "http://\udc80/", "http://h:abc/", "\x00", "http://" + "a" * 70_000])
def test_what_is_no_address_at_all_is_asked_for_again(url: str, tmp_path: Path) -> None:
    with pytest.raises(OutputExpiredError):
        fetch(url, tmp_path / "film.mp4", BASE_URL)


@pytest.mark.parametrize(
    "url",
    ["http://xn--a/", "http://h:99999/", "file:///etc/passwd", "data:,x", "//", "http://user:secret@127.0.0.1:1/"],
)
def test_an_address_that_leads_nowhere_is_no_film(url: str, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        fetch(url, tmp_path / "film.mp4", BASE_URL)
    assert list(tmp_path.iterdir()) == []


def test_the_key_does_not_travel_to_films_not_even_over_a_redirect(tmp_path: Path) -> None:
    """A clip's URL may redirect to a storage service; the request there must be as bare as the first."""
    heads: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            for reply in (
                f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{port}/store/1.mp4?sig=x\r\n"
                "Content-Length: 0\r\nConnection: close\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfilm",
            ):
                connection, _peer = server.accept()
                with connection:
                    heads.append(connection.recv(65_536).decode())
                    connection.sendall(reply.encode())

        thread = threading.Thread(target=serve)
        thread.start()
        sha256 = fetch("/1.mp4", tmp_path / "film.mp4", f"http://127.0.0.1:{port}/v1")
        thread.join(5)
    assert sha256 == hashlib.sha256(b"film").hexdigest()
    assert [head.splitlines()[0] for head in heads] == ["GET /1.mp4 HTTP/1.1", "GET /store/1.mp4?sig=x HTTP/1.1"]
    assert [head for head in heads if "authorization" in head.lower() or API_KEY in head] == []
