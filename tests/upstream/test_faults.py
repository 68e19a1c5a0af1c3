"""Each fault does what its name says, over sockets and through the transport alike."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.upstream.conftest import BOAT, KEY, START, Clock, Maker, accepted, raw_client
from tests.upstream.faults import KINDS, ROUGH_WEATHER, Fault, FaultScript, check_odds
from tests.upstream.running import Control, RunningUpstream
from tests.upstream.service import Upstream
from tests.upstream.transport import UpstreamTransport

READ_TIMEOUT_SECONDS = {True: 0.15, False: 10.0}
"""Short for stalls (True), where nothing will arrive."""
NOT_PROCESSED = list(KINDS)[: list(KINDS).index("delay")]
SECONDS = {"outage": 0.05, "delay": 0.05, "slow_download": 0.01, "lagging": 3600.0}

STATUSES = {
    "invalid_api_key": 401,
    "insufficient_credits": 402,
    "model_not_allowed": 403,
    "rate_limit_without_retry_after": 429,
    "redirect": 302,
    "request_timeout": 408,
    "expired_url": 410,
    "internal_error": 500,
    "upstream_error": 502,
    "html_502": 502,
    "html_503": 503,
    "html_504": 504,
}

Outcome = tuple[Any, ...]


def shape(value: Any) -> Any:
    """JSON without what differs between two upstreams: keeps names and states, drops ids, times and URLs."""
    if isinstance(value, dict):
        return {name: shape(entry) if name not in ("status", "code") else entry for name, entry in value.items()}
    if isinstance(value, list):
        return [shape(entry) for entry in value]
    return type(value).__name__


def outcome(send: Callable[[], httpx.Response]) -> Outcome:
    """What a client sees: the exception's name, or the status, relevant headers, and the body's shape or length."""
    try:
        response = send()
    except httpx.HTTPError as error:
        return (type(error).__name__,)
    names = ("content-type", "content-length", "retry-after", "location")
    headers = {name: response.headers[name] for name in names if name in response.headers}
    if headers.get("content-type") == "application/json":
        headers.pop("content-length", None)
    try:
        return (response.status_code, headers, shape(json.loads(response.content)))
    except ValueError:
        return (response.status_code, headers, len(response.content))


def sender(client: httpx.Client, route: str, job_id: str, video_url: str) -> Callable[[], httpx.Response]:
    """A function that sends a request to the route."""
    return {
        "create": lambda: client.post("/videos/generations", json=BOAT),
        "list": lambda: client.get("/jobs?status=completed"),
        "job": lambda: client.get(f"/jobs/{job_id}"),
        "upload": lambda: client.post("/files", files={"file": ("boat.png", b"x", "image/png")}),
        "output": lambda: client.get(video_url),
    }[route]


def prepared(client: httpx.Client, control: Control | Upstream) -> tuple[str, str]:
    """A finished job's id and its video's URL."""
    control.set(takes_files=True)
    job_id = accepted(client)
    control.finish(job_id)
    return job_id, client.get(f"/jobs/{job_id}").json()["output"]["video_url"]


@pytest.fixture(scope="module")
def socket_client(running: RunningUpstream) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.base_url, headers=KEY, verify=False, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def video(socket_client: httpx.Client, running: RunningUpstream) -> tuple[str, str]:
    return prepared(socket_client, running.control)


def expected(kind: str, route: str, how: str) -> Outcome:
    """The start of the expected outcome, from the fault's name alone."""
    broken = "ReadError" if how == "reset" else "RemoteProtocolError"
    plain = {"create": 202, "upload": 201}.get(route, 200)
    if kind in ("drop_before_commit", "drop_after_commit", "outage"):
        return (broken,)
    if kind in ("stall_before_commit", "stall_after_commit", "stalled_download"):
        return ("ReadTimeout",)
    if kind in ("cut_answer", "cut_file"):
        return ("RemoteProtocolError",)
    if kind == "lagging" and route == "job":
        return (404,)
    if kind.endswith("rate_limit_exceeded"):
        return (429,)
    return (STATUSES.get(kind.removesuffix("_after_commit"), plain),)


CASES = [
    (route, kind, how)
    for kind in KINDS
    for route in KINDS[kind].routes
    for how in (("reset", "close") if "drop" in kind else ("reset",))
]


@pytest.mark.parametrize(("route", "kind", "how"), CASES, ids=["-".join(case) for case in CASES])
def test_fault_is_the_same_over_a_socket_and_through_the_transport(
    route: str,
    kind: str,
    how: str,
    running: RunningUpstream,
    socket_client: httpx.Client,
    video: tuple[str, str],
    make_upstream: Maker,
    clock: Clock,
) -> None:
    control, upstream = running.control, make_upstream(clip=running_clip(running), settings={"origin": running.origin})
    seconds = SECONDS.get(kind, 5.0)
    timeout_seconds = READ_TIMEOUT_SECONDS["stall" in kind]
    socket_client.timeout = timeout_seconds
    with raw_client(upstream, timeout=timeout_seconds) as client:
        here = sender(client, route, *prepared(client, upstream))
        upstream.arm(route, kind, how=how, seconds=seconds)
        got_here = outcome(here)
        count = len(upstream.jobs()) - 1
    before = len(control.jobs())
    control.arm(route, kind, how=how, seconds=seconds)
    over_there = sender(socket_client, route, *video)
    began = time.monotonic()
    got_there = outcome(over_there)
    took_seconds = time.monotonic() - began

    assert got_here[:1] == expected(kind, route, how)
    assert got_here == got_there
    made = 1 if route == "create" and kind not in NOT_PROCESSED else 0
    assert (count, len(control.jobs()) - before) == (made, made)
    assert took_seconds >= {"delay": 0.05, "slow_download": 0.08}.get(kind, 0.15 if "stall" in kind else 0)
    assert (control.requests()[-1].fault, upstream.requests()[-1].fault) == (kind, kind)
    socket_client.timeout = READ_TIMEOUT_SECONDS[False]
    wait_until_up(socket_client)
    control.audit()
    upstream.audit()


def running_clip(running: RunningUpstream) -> bytes:
    return (running.folder / "upstream.mp4").read_bytes()


def wait_until_up(client: httpx.Client) -> None:
    for _ in range(200):
        try:
            client.get("/nothing")
        except httpx.TransportError:
            time.sleep(0.01)
        else:
            return
    raise AssertionError("it didn't come up again")


def test_nobody_listens_during_an_outage(
    running: RunningUpstream, socket_client: httpx.Client, upstream: Upstream, client: httpx.Client, clock: Clock
) -> None:
    running.control.take_down(60)
    assert outcome(lambda: socket_client.get("/jobs")) == ("ConnectError",)
    running.control.take_down(0)
    wait_until_up(socket_client)
    upstream.take_down(30)
    assert outcome(lambda: client.get("/jobs")) == ("ConnectError",)
    clock.now += 30
    assert outcome(lambda: client.get("/jobs"))[0] == 200
    assert [entry.fault for entry in upstream.requests()] == [""]


def test_output_elsewhere_has_another_port(
    running: RunningUpstream, socket_client: httpx.Client, video: tuple[str, str]
) -> None:
    running.control.arm("job", "output_elsewhere")
    url = socket_client.get(f"/jobs/{video[0]}").json()["output"]["video_url"]
    assert url.startswith(running.other_origin + "/outputs/")
    assert socket_client.get(url).content == socket_client.get(video[1]).content


# What shapes don't show


def test_lagging_shows_the_past(client: httpx.Client, upstream: Upstream, clock: Clock) -> None:
    old_id = accepted(client)
    clock.now += 10
    upstream.finish(old_id)
    new_id = accepted(client)
    upstream.arm("list", "lagging", seconds=5, times=2)

    def listed() -> list[tuple[str, str]]:
        return [(record["id"], record["status"]) for record in client.get("/jobs").json()["data"]]

    assert listed() == [(old_id, "pending")]
    clock.now += 6
    assert listed() == listed() == [(new_id, "pending"), (old_id, "completed")]


def test_permanent_faults_combine_with_others(client: httpx.Client, upstream: Upstream, clock: Clock) -> None:
    upstream.set(list_lag_seconds=3, clock_skew_seconds=60, videos_elsewhere=True)
    job_id = accepted(client)
    upstream.finish(job_id)
    assert client.get("/jobs").json() == {"data": []}
    clock.now += 3
    upstream.arm("list", "duplicated_list")
    for record in client.get("/jobs").json()["data"]:
        assert (record["id"], record["created_at"]) == (job_id, "2026-03-01T12:01:00Z")
        assert record["output"]["video_url"].startswith("http://media.upstream.test/outputs/")


def test_lists_are_reordered_and_duplicated(client: httpx.Client, upstream: Upstream) -> None:
    first, second = accepted(client), accepted(client)
    upstream.arm("list", "reordered_list")
    upstream.arm("list", "duplicated_list")
    lists = [[record["id"] for record in client.get("/jobs").json()["data"]] for _ in range(3)]
    assert lists == [[first, second], [second, second, first, first], [second, first]]


def test_records_are_broken(client: httpx.Client, upstream: Upstream) -> None:
    job_id = accepted(client)
    upstream.arm("job", "missing_fields")
    upstream.arm("job", "missing_id")
    upstream.arm("job", "unknown_state", state="cancelled")
    upstream.arm("job", "unknown_fields")
    answers = [client.get(f"/jobs/{job_id}").json() for _ in range(4)]
    assert answers[0] == {"id": job_id}
    assert "id" not in answers[1]
    assert answers[2]["status"] == "cancelled"
    assert {"progress", "region", "x_trace"} < answers[3].keys()
    for shaped, rest in (("flat", {"job"}), ("job", {"job"}), ("id", set())):
        upstream.set(accepted_as=shaped)
        upstream.arm("create", "missing_id")
        answer = client.post("/videos/generations", json=BOAT).json()
        assert "id" not in answer
        assert "id" not in answer.get("job", {})
        assert rest == answer.keys() & {"job"}


def test_clocks_and_links_are_wrong(client: httpx.Client, upstream: Upstream) -> None:
    job_id = accepted(client)
    upstream.finish(job_id)
    upstream.arm("job", "clock_skew", seconds=-7200)
    skewed = client.get(f"/jobs/{job_id}").json()
    assert (skewed["created_at"], skewed["output"]["url_expires_at"]) == (
        "2026-03-01T10:00:00Z",
        "2026-03-02T10:00:00Z",
    )
    upstream.arm("job", "expired_link")
    assert client.get(client.get(f"/jobs/{job_id}").json()["output"]["video_url"]).status_code == 410
    upstream.arm("output", "expired_url", status=403)
    assert client.get(skewed["output"]["video_url"]).status_code == 403


def test_rate_limit_with_and_without_retry_after(client: httpx.Client, upstream: Upstream) -> None:
    upstream.arm("list", "tpm_rate_limit_exceeded", seconds=7)
    upstream.arm("list", "rate_limit_without_retry_after")
    answers = [client.get("/jobs") for _ in range(2)]
    assert [(one.json()["error"]["code"], one.headers.get("retry-after")) for one in answers] == [
        ("tpm_rate_limit_exceeded", "7"),
        ("rate_limit_exceeded", None),
    ]
    assert [one.headers["x-ratelimit-rpm-remaining"] for one in answers] == ["0", "0"]


def test_injected_errors_have_real_headers(client: httpx.Client, upstream: Upstream, clock: Clock) -> None:
    def left(kind: str) -> str | None:
        upstream.arm("list", kind)
        remaining: str | None = client.get("/jobs").headers.get("x-ratelimit-rpm-remaining")
        return remaining

    accepted(client)
    assert [left(kind) for kind in ("internal_error", "invalid_api_key", "html_502")] == ["299", None, None]
    clock.now += 60
    assert left("internal_error") == "300"


@pytest.mark.parametrize(
    ("route", "kind", "particulars"),
    [
        ("create", "no_such_fault", {}),
        ("output", "json_null", {}),
        ("create", "lagging", {}),
        ("nowhere", "delay", {}),
        ("create", "drop_after_commit", {"how": "politely"}),
        ("output", "expired_url", {"status": 200}),
    ],
)
def test_impossible_fault_is_refused(upstream: Upstream, route: str, kind: str, particulars: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        upstream.arm(route, kind, **particulars)


# Time through the transport


def test_transport_reports_latency(upstream: Upstream) -> None:
    upstream.set(latency_seconds=0.08)
    passed: list[float] = []
    transport = UpstreamTransport(upstream, on_latency=passed.append)
    with httpx.Client(base_url="http://upstream.test/v1", headers=KEY, transport=transport, timeout=10) as client:
        job_id = accepted(client)
        upstream.finish(job_id)
        url = client.get(f"/jobs/{job_id}").json()["output"]["video_url"]
        upstream.arm("output", "slow_download", seconds=3)
        client.get(url)
        assert transport.last_latency_seconds == pytest.approx(0.08 + 8 * 3)
        upstream.arm("create", "delay", seconds=10)
        assert outcome(lambda: client.post("/videos/generations", json=BOAT)) == ("ReadTimeout",)
        assert transport.last_latency_seconds == 10
        upstream.arm("output", "slow_download", seconds=11)
        assert outcome(lambda: client.get(url)) == ("ReadTimeout",)
    assert passed == [0.08, 0.08, 0.08, *[3] * 8, 10, 0.08, 10]
    assert len(upstream.jobs()) == 2


def test_simulation_can_run_others_during_a_wait(upstream: Upstream) -> None:
    """While one request waits for its late answer, another succeeds."""
    order: list[str] = []
    answer_comes = asyncio.Event()

    async def sleep(seconds: float) -> None:
        order.append(f"sleeps {seconds:g} s")
        await answer_comes.wait()

    async def simulate() -> None:
        transport = UpstreamTransport(upstream, sleep=sleep)
        async with httpx.AsyncClient(base_url="http://upstream.test/v1", headers=KEY, transport=transport) as client:
            upstream.arm("create", "delay", seconds=3)
            late = asyncio.create_task(client.post("/videos/generations", json=BOAT))
            while not order:
                await asyncio.sleep(0)
            order.append(f"lists {len((await client.get('/jobs')).json()['data'])}")
            answer_comes.set()
            order.append(f"answers {(await late).status_code}")

    asyncio.run(simulate())
    assert order == ["sleeps 3 s", "lists 1", "answers 202"]


def test_client_without_timeout_is_found(upstream: Upstream) -> None:
    upstream.arm("list", "stall_before_commit")
    with raw_client(upstream, timeout=None) as client, pytest.raises(RuntimeError, match="no read timeout"):
        client.get("/jobs")


# The seeded script


def test_same_seed_draws_the_same_faults() -> None:
    def script(seed: int) -> list[Fault | None]:
        return [FaultScript(seed, ROUGH_WEATHER).drawn("create", number) for number in range(1, 501)]

    first = script(7)
    assert first == script(7)
    assert first != script(8)
    assert 75 < sum(fault is not None for fault in first) < 175


def test_every_fault_in_the_odds_is_drawn() -> None:
    check_odds(ROUGH_WEATHER)
    script = FaultScript(1, ROUGH_WEATHER)
    for route, kinds in ROUGH_WEATHER.items():
        drawn = {fault.kind for number in range(3_000) if (fault := script.drawn(route, number))}
        assert drawn == set(kinds)


@pytest.mark.parametrize("odds", [{"create": {"lagging": 0.1}}, {"create": {"delay": 0.6, "json_null": 0.6}}])
def test_impossible_odds_are_refused(upstream: Upstream, odds: dict[str, dict[str, float]]) -> None:
    with pytest.raises(ValueError, match=r"."):
        upstream.set_odds(odds)


def simulated_day(make_upstream: Maker, clock: Clock, seed: int, count: int = 150) -> tuple[Upstream, list[Outcome]]:
    """An upstream after a bad day, and what its client saw."""
    clock.now = START
    upstream = make_upstream(seed, odds=ROUGH_WEATHER, settings={"job_seconds": (5, 60), "failure_rate": 0.2})
    outcomes = []
    with raw_client(upstream) as client:
        for number in range(count):
            clock.now += 1
            outcomes.append(outcome(lambda: client.post("/videos/generations", json={**BOAT, "seed": number})))  # noqa: B023
            outcomes.append(outcome(lambda: client.get("/jobs?limit=50")))
    return upstream, outcomes


def test_same_seed_gives_the_same_day(make_upstream: Maker, clock: Clock) -> None:
    seen: set[Any] = set()
    for seed in range(3):
        upstream, outcomes = simulated_day(make_upstream, clock, seed)
        again, same_outcomes = simulated_day(make_upstream, clock, seed)
        assert (outcomes, upstream.books, upstream.jobs()) == (same_outcomes, again.books, again.jobs())
        totals = upstream.audit()
        assert totals.refunded_credits == 1300 * sum(job.status == "failed" for job in upstream.jobs())
        assert 0 < totals.refunded_credits < totals.charged_credits
        # There are jobs that nobody was told of.
        assert totals.accepted_post_count > sum(got[0] == 202 for got in outcomes)
        seen |= {got[0] for got in outcomes}
    assert {"ReadTimeout", "ReadError", "RemoteProtocolError", "ConnectError", 200, 202, 429, 500, 502, 503} <= seen
