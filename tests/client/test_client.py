"""Both clients against a server that is well."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tchavi_studio.client import (
    AsyncTchavi,
    AuthenticationError,
    ConflictError,
    InsufficientCreditsError,
    InvalidRequestError,
    Job,
    JobFailedError,
    JobTimeoutError,
    MissingKeyError,
    NotFoundError,
    NotOfferedError,
    Problem,
    Tchavi,
    UnprocessableError,
    UsageError,
    VideoModel,
)

BOAT = {"model": "seedance-2", "prompt": "A paper boat in the rain"}


# Generations


@pytest.mark.parametrize("is_studio", [True, False])
def test_create_returns_the_accepted_job(run_on_server: Any, api_server: Any, is_studio: bool) -> None:
    api_server.is_studio = is_studio
    job = run_on_server(lambda client: client.videos.generations.create(**BOAT))
    assert (job.id, job.status, job.model, job.credits_used) == ("job_001", "pending", "seedance-2", 1300)
    info = job.response
    assert (info.request_id, info.credits_used, info.credits_remaining) == ("req_1", 1300, 48_700)
    assert (info.requests_per_minute_limit, info.requests_per_minute_remaining) == (120, 119)


def test_create_sends_every_parameter_and_only_those_given(run_on_server: Any, api_server: Any) -> None:
    everything = {
        **BOAT,
        "duration": 10,
        "resolution": "720p",
        "aspect_ratio": "9:16",
        "generate_audio": False,
        "seed": 0,
        "image_url": "https://example.org/first.png",
        "last_frame_image_url": "HTTPS://example.org/last.png",
        "reference_images": ["https://example.org/1.png"],
        "reference_videos": ["https://example.org/1.mp4", "http://example.org/2.mp4"],
        "reference_audios": ("https://example.org/1.mp3",),
    }
    run_on_server(lambda client: client.videos.generations.create(**everything))
    assert api_server.requests[0].json == {**everything, "reference_audios": ["https://example.org/1.mp3"]}

    run_on_server(lambda client: client.videos.generations.create(**BOAT, seed=None, extra_body={"camera": "dolly"}))
    assert api_server.requests[1].json == {**BOAT, "camera": "dolly"}


def test_the_request_carries_the_key_and_an_idempotency_key(run_on_server: Any, api_server: Any) -> None:
    run_on_server(lambda client: client.videos.generations.create(**BOAT))
    run_on_server(lambda client: client.videos.generations.create(**BOAT))
    first, second = (request.headers for request in api_server.requests)
    assert first["authorization"] == f"Bearer {api_server.api_key}"
    assert (first["accept"], first["user-agent"]) == ("application/json", "tchavi-studio-client")
    assert len(first["idempotency-key"]) == 36
    assert first["idempotency-key"] != second["idempotency-key"]


def test_the_same_idempotency_key_gives_the_same_job(run_on_server: Any, api_server: Any) -> None:
    def create(**changes: Any) -> Any:
        return run_on_server(
            lambda client: client.videos.generations.create(**{**BOAT, **changes}, idempotency_key="boat-1")
        )

    first, again = create(), create()
    assert (first.id, first.response.is_replay) == ("job_001", False)
    assert (again.id, again.response.is_replay) == ("job_001", True)
    with pytest.raises(UnprocessableError) as caught:
        create(prompt="Another boat")
    assert (caught.value.code, caught.value.idempotency_key) == ("idempotency_mismatch", "boat-1")


def test_create_and_wait_follows_the_job_to_its_end(run_on_server: Any, api_server: Any, hours: Any) -> None:
    told: list[tuple[str, float]] = []
    job = run_on_server(
        lambda client: client.videos.generations.create_and_wait(
            **BOAT, on_update=lambda job: told.append((job.status, hours.elapsed_seconds))
        )
    )
    assert job.is_completed
    assert job.output.video_url == f"{api_server.origin}/media/job_001.mp4?signature=1"
    assert told == [("pending", 0.0), ("processing", 4.5), ("completed", 7.625)]
    assert hours.sleeps == [2.0, 2.5, 3.125]


def test_on_update_may_be_a_coroutine_function(run_on_server: Any) -> None:
    told: list[str] = []

    async def note(job: Job) -> None:
        told.append(job.status)

    if run_on_server.mode == "async":
        run_on_server(lambda client: client.videos.generations.create_and_wait(**BOAT, on_update=note))
        assert told == ["pending", "processing", "completed"]


def test_a_failed_job_raises_with_its_reason(run_on_server: Any) -> None:
    with pytest.raises(JobFailedError) as caught:
        run_on_server(lambda client: client.videos.generations.create_and_wait(**{**BOAT, "prompt": "[fail]"}))
    error = caught.value
    assert (error.code, error.credits_refunded, error.job.status) == ("content_policy", 1300, "failed")
    assert str(error) == (
        "Job job_001 failed: The prompt was refused by the model (content_policy). 1,300 credits were refunded."
    )


def test_waiting_ends_at_its_deadline_and_the_job_goes_on(run_on_server: Any, api_server: Any, hours: Any) -> None:
    api_server.looks_per_state = 100
    with pytest.raises(JobTimeoutError) as caught:
        run_on_server(lambda client: client.videos.generations.create_and_wait(**BOAT, timeout_seconds=10))
    error = caught.value
    assert (error.job_id, error.job.status, error.timeout_seconds) == ("job_001", "pending", 10)
    assert str(error) == (
        "Job job_001 is still pending after 10 s. It goes on, and so does its charge: ask for it again by its id."
    )
    assert hours.sleeps == [2.0, 2.5, 3.125, 2.375, 0]
    api_server.looks_per_state = 1
    assert run_on_server(lambda client: client.jobs.wait(error.job_id)).is_completed


@pytest.mark.parametrize(
    ("limit", "remaining", "sleeps"),
    [(10, 9, [6.0, 6.0, 6.0]), (10, 4, [12.0, 12.0, 12.0]), (300, 299, [2, 2.5, 3.125])],
)
def test_polling_keeps_inside_the_rate_budget(
    run_on_server: Any, api_server: Any, hours: Any, limit: int, remaining: int, sleeps: list[float]
) -> None:
    api_server.rpm_limit, api_server.rpm_remaining = limit, remaining
    run_on_server(lambda client: client.videos.generations.create_and_wait(**BOAT))
    assert hours.sleeps == sleeps


def test_an_exhausted_budget_is_not_overdrawn_at_the_deadline(run_on_server: Any, api_server: Any, hours: Any) -> None:
    api_server.rpm_limit, api_server.rpm_remaining = 10, 0
    with pytest.raises(JobTimeoutError):
        run_on_server(lambda client: client.videos.generations.create_and_wait(**BOAT, timeout_seconds=30))
    assert hours.sleeps == [30]
    assert api_server.paths() == ["POST /videos/generations"]


def test_a_finished_job_is_not_asked_for_again(run_on_server: Any, api_server: Any) -> None:
    job = Job(id="job_9", status="completed")
    told: list[str] = []
    assert run_on_server(lambda client: client.jobs.wait(job, on_update=lambda job: told.append(job.id))) is job
    assert (told, api_server.requests) == (["job_9"], [])


def test_what_on_update_raises_reaches_the_caller(run_on_server: Any) -> None:
    def refuse(job: Job) -> None:
        raise LookupError(job.status)

    with pytest.raises(LookupError, match=r"^pending$"):
        run_on_server(lambda client: client.videos.generations.create_and_wait(**BOAT, on_update=refuse))


# Refusals


def test_every_problem_of_a_refused_request_is_listed(run_on_server: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run_on_server(lambda client: client.videos.generations.create(**BOAT, duration=99, resolution="8k"))
    error = caught.value
    assert (error.status, error.code, error.param, error.outcome_unknown) == (400, "invalid_request", "duration", False)
    assert error.problems == (
        Problem(param="duration", message="must be 1 to 15 or -1"),
        Problem(param="resolution", message="must be 480p or 720p"),
    )


def test_too_few_credits(run_on_server: Any, api_server: Any) -> None:
    api_server.balance = 10
    with pytest.raises(InsufficientCreditsError, match=r"1,300 credits are needed, 10 are left\.") as caught:
        run_on_server(lambda client: client.videos.generations.create(**BOAT))
    assert caught.value.response.credits_remaining == 10


def test_a_refused_key_is_not_repeated_in_the_error(run_on_server: Any, api_server: Any) -> None:
    """This server quotes the key back, as some do."""
    with pytest.raises(AuthenticationError) as caught:
        run_on_server(lambda client: client.jobs.retrieve("job_1"), api_key="sk-tch_wrong_key")
    assert caught.value.message == "Unknown key Bearer sk-tch_...."
    assert "sk-tch_wrong_key" not in f"{caught.value!r} {vars(caught.value)}"


# Jobs


def test_retrieve(run_on_server: Any, api_server: Any) -> None:
    job_id = api_server.add_job()
    job = run_on_server(lambda client: client.jobs.retrieve(job_id))
    assert (job.id, job.status, job.response.request_id) == ("job_001", "pending", "req_1")


def test_an_unknown_job(run_on_server: Any) -> None:
    with pytest.raises(NotFoundError) as caught:
        run_on_server(lambda client: client.jobs.retrieve("job_999"))
    assert (caught.value.status, caught.value.job_id) == (404, "job_999")


def test_a_job_id_can_not_lead_elsewhere(run_on_server: Any, api_server: Any) -> None:
    with pytest.raises(NotFoundError):
        run_on_server(lambda client: client.jobs.retrieve("../credits?x=1"))
    assert api_server.paths() == ["GET /jobs/..%2Fcredits%3Fx%3D1"]
    for job_id in ("", ".", ".."):
        with pytest.raises(UsageError):
            run_on_server(lambda client, job_id=job_id: client.jobs.retrieve(job_id))


@pytest.mark.parametrize(
    ("count", "queries"),
    [
        (0, [("50", "0")]),
        (3, [("50", "0")]),
        (50, [("50", "0"), ("50", "50")]),
        (120, [("50", "0"), ("50", "50"), ("50", "100")]),
    ],
)
def test_list_walks_all_pages(run_on_server: Any, api_server: Any, count: int, queries: list[tuple[str, str]]) -> None:
    ids = [api_server.add_job() for _ in range(count)]
    jobs = run_on_server(lambda client: client.jobs.list())
    assert [job.id for job in jobs] == ids[::-1]
    assert [(request.query["limit"], request.query["offset"]) for request in api_server.requests] == queries


def test_list_fetches_no_more_than_is_asked_for(run_on_server: Any, api_server: Any) -> None:
    for _ in range(120):
        api_server.add_job()
    assert len(run_on_server(lambda client: client.jobs.list(limit=60))) == 60
    assert [request.query["limit"] for request in api_server.requests] == ["50", "10"]


def test_list_is_lazy(api_server: Any) -> None:
    for _ in range(60):
        api_server.add_job()
    with Tchavi(api_key=api_server.api_key, base_url=api_server.base_url) as client:
        jobs = client.jobs.list()
        assert api_server.requests == []
        assert next(jobs).id == "job_060"
        assert len(api_server.requests) == 1


def test_a_job_that_slips_to_the_next_page_comes_once(api_server: Any) -> None:
    ids = [api_server.add_job() for _ in range(110)]
    with Tchavi(api_key=api_server.api_key, base_url=api_server.base_url) as client:
        jobs = client.jobs.list()
        seen = [next(jobs).id]
        api_server.add_job()
        seen += [job.id for job in jobs]
    assert seen == ids[::-1]
    assert [request.query["offset"] for request in api_server.requests] == ["0", "50", "100"]


def test_list_filters_by_status(run_on_server: Any, api_server: Any) -> None:
    done, _ = api_server.add_job(), api_server.add_job()
    api_server.complete(done)
    assert [job.id for job in run_on_server(lambda client: client.jobs.list(status="completed"))] == [done]
    with pytest.raises(UsageError):
        run_on_server(lambda client: client.jobs.list(limit=0))


def test_list_page_gives_the_headers_even_of_an_empty_page(run_on_server: Any, api_server: Any) -> None:
    page = run_on_server(lambda client: client.jobs.list_page(limit=1, offset=7))
    assert (page.jobs, page.response.requests_per_minute_remaining) == ((), 119)
    assert api_server.requests[0].query == {"limit": "1", "offset": "7"}


# A Studio's additions


def test_cancel(run_on_server: Any, api_server: Any) -> None:
    job_id = api_server.add_job()
    assert run_on_server(lambda client: client.jobs.cancel(job_id)).error.code == "cancelled"
    with pytest.raises(ConflictError, match="The job has started"):
        run_on_server(lambda client: client.jobs.cancel(job_id))
    with pytest.raises(NotFoundError, match="There is no job job_999"):
        run_on_server(lambda client: client.jobs.cancel("job_999"))


def test_credits_models_and_quote(run_on_server: Any) -> None:
    balance = run_on_server(lambda client: client.credits.retrieve())
    assert (balance.balance_credits, balance.extra) == (50_000, {"book": "live"})
    models = run_on_server(lambda client: client.models.list())
    assert models == (VideoModel(id="kling-v3", name="Kling v3", extra={"maker": "Kuaishou"}),)
    quote = run_on_server(lambda client: client.videos.quote(**BOAT))
    assert (quote.amount_credits, quote.extra) == (1300, {"book": "live"})


@pytest.mark.parametrize(
    ("scenario", "call"),
    [
        (lambda client: client.credits.retrieve(), "GET /credits"),
        (lambda client: client.models.list(), "GET /models"),
        (lambda client: client.videos.quote(**BOAT), "POST /videos/quote"),
        (lambda client: client.jobs.cancel("job_001"), "DELETE /jobs/job_001"),
    ],
)
def test_a_server_without_the_additions_says_so_clearly(
    run_on_server: Any, api_server: Any, scenario: Callable[[Any], Any], call: str
) -> None:
    api_server.is_studio = False
    api_server.add_job()
    with pytest.raises(NotOfferedError) as caught:
        run_on_server(scenario)
    assert caught.value.message == f"{api_server.base_url} does not offer {call}."


# Local files


def test_local_files_are_uploaded_where_a_url_is_wanted(run_on_server: Any, api_server: Any, tmp_path: Path) -> None:
    for name in ("first.png", "last.jpg", "voice.mp3"):
        (tmp_path / name).write_bytes(name.encode() * 100_000)
    memory = io.BytesIO(b"nameless")
    memory.read()  # wherever the file stands, it is sent from its start
    run_on_server(
        lambda client: client.videos.generations.create(
            **BOAT,
            image_url=tmp_path / "first.png",
            last_frame_image_url=str(tmp_path / "last.jpg"),
            reference_audios=[tmp_path / "voice.mp3", "https://example.org/song.mp3"],
            reference_videos=[memory],
        )
    )
    assert api_server.paths() == ["POST /files"] * 4 + ["POST /videos/generations"]
    assert api_server.requests[-1].json == {
        **BOAT,
        "image_url": f"{api_server.origin}/files/first.png",
        "last_frame_image_url": f"{api_server.origin}/files/last.jpg",
        "reference_audios": [f"{api_server.origin}/files/voice.mp3", "https://example.org/song.mp3"],
        "reference_videos": [f"{api_server.origin}/files/upload"],
    }
    assert api_server.files == {
        "first.png": b"first.png" * 100_000,
        "last.jpg": b"last.jpg" * 100_000,
        "voice.mp3": b"voice.mp3" * 100_000,
        "upload": b"nameless",
    }


def test_upload(run_on_server: Any, api_server: Any, tmp_path: Path) -> None:
    path = tmp_path / "first.png"
    path.write_bytes(b"picture")
    file = run_on_server(lambda client: client.files.upload(path))
    assert (file.id, file.url, file.content_type, file.byte_count, file.extra) == (
        "file_1",
        f"{api_server.origin}/files/first.png",
        "image/png",
        7,
        {"kind": "image"},
    )
    with path.open("rb") as opened:
        assert run_on_server(lambda client: client.files.upload(opened)).url == file.url
        assert not opened.closed
    with pytest.raises(UsageError, match="This is a URL already"):
        run_on_server(lambda client: client.files.upload("https://example.org/a.png"))


def test_a_server_without_uploads_says_what_to_do(run_on_server: Any, api_server: Any, tmp_path: Path) -> None:
    api_server.is_studio = False
    path = tmp_path / "first.png"
    path.write_bytes(b"picture")
    with pytest.raises(NotOfferedError) as caught:
        run_on_server(lambda client: client.videos.generations.create(**BOAT, image_url=path))
    assert caught.value.message == (
        f"{api_server.base_url} does not offer POST /files. Give a URL instead of the local file first.png."
    )
    assert api_server.paths() == ["POST /files"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"image_url": "gone.png"}, "image_url: 'gone.png' is neither an http(s) URL nor a file on this machine."),
        (
            {"image_url": "ftp://x/a.png"},
            "image_url: 'ftp://x/a.png' is neither an http(s) URL nor a file on this machine.",
        ),
        ({"image_url": "a\0b"}, "image_url: 'a\\x00b' is neither an http(s) URL nor a file on this machine."),
        ({"image_url": 7}, "image_url takes an http(s) URL, a path or a file opened in binary mode."),
        ({"image_url": io.StringIO("x")}, "image_url takes an http(s) URL, a path or a file opened in binary mode."),
        ({"reference_images": "https://x/a.png"}, "reference_images takes a list, also for one file."),
        ({"reference_images": 7}, "reference_images takes a list, also for one file."),
        ({"promt": "x"}, "Unknown parameter: promt. Give others through extra_body."),
        ({"prompt": None}, "Missing parameter: prompt."),
        ({"prompt": "\ud800"}, None),
        ({"seed": float("nan")}, None),
        ({"idempotency_key": "a b"}, "An idempotency key is 1 to 255 visible ASCII characters."),
        ({"idempotency_key": ""}, "An idempotency key is 1 to 255 visible ASCII characters."),
        ({"idempotency_key": "k" * 256}, "An idempotency key is 1 to 255 visible ASCII characters."),
    ],
)
def test_what_can_not_work_is_refused_before_anything_is_sent(
    run_on_server: Any, api_server: Any, tmp_path: Path, params: dict[str, Any], message: str | None
) -> None:
    (tmp_path / "last.png").write_bytes(b"picture")
    with pytest.raises(UsageError) as caught:
        run_on_server(
            lambda client: client.videos.generations.create(
                **{**BOAT, "extra_body": {"camera": tmp_path.name}, **params}
            )
        )
    assert api_server.requests == []
    if message is not None:
        assert str(caught.value) == message


def test_a_missing_file_is_noticed_before_the_others_are_uploaded(
    run_on_server: Any, api_server: Any, tmp_path: Path
) -> None:
    (tmp_path / "first.png").write_bytes(b"picture")
    with pytest.raises(UsageError):
        run_on_server(
            lambda client: client.videos.generations.create(
                **BOAT, image_url=tmp_path / "first.png", reference_audios=[tmp_path / "gone.mp3"]
            )
        )
    assert api_server.requests == []


# Configuration


def test_the_key_and_the_server_come_from_the_environment(
    run: Any, api_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TCHAVI_API_KEY", f" {api_server.api_key}\n")
    monkeypatch.setenv("TCHAVI_BASE_URL", f"{api_server.base_url}/")
    assert run(lambda client: client.jobs.list(), api_key=None) == []


def test_without_an_environment_the_server_is_tchavi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TCHAVI_BASE_URL", "")
    with Tchavi(api_key="sk-tch_1") as client:
        assert client.base_url == "https://tchavi.com/api/v1"
        assert client._http.timeout == httpx.Timeout(5)  # each request brings its own
        assert client._flows._connection.timeout_seconds == 60
        assert client._flows._connection.max_retries == 2


@pytest.mark.parametrize("kind", [Tchavi, AsyncTchavi])
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"api_key": " "}, MissingKeyError),
        ({"api_key": None}, MissingKeyError),
        ({"api_key": "sk-tch_a b"}, UsageError),
        ({"api_key": "sk-tch_a\nb"}, UsageError),
        ({"api_key": "sk-tch_é"}, UsageError),
        ({"base_url": "tchavi.com/api"}, UsageError),
        ({"base_url": "ftp://tchavi.com"}, UsageError),
        ({"base_url": "http://me:secret@tchavi.com"}, UsageError),
        ({"base_url": "http://tchavi.com/?x=1"}, UsageError),
        ({"base_url": "http://tchavi:port"}, UsageError),
        ({"timeout_seconds": 0}, UsageError),
        ({"max_retries": -1}, UsageError),
        ({"http_client": object(), "transport": object()}, UsageError),
    ],
)
def test_a_configuration_that_can_not_work_is_refused(
    kind: Any, options: dict[str, Any], error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TCHAVI_API_KEY", raising=False)
    with pytest.raises(UsageError) as caught:
        kind(**{"api_key": "sk-tch_1", **options})
    assert type(caught.value) is error
    for secret in ("sk-tch_a", "secret"):
        assert secret not in str(caught.value)


def test_the_key_is_in_no_repr() -> None:
    with Tchavi(api_key="sk-tch_secret", base_url="http://127.0.0.1:1") as client:
        shown = f"{client!r} {client._flows._connection!r} {client}"
    assert repr(client) == "Tchavi(base_url='http://127.0.0.1:1')"
    assert repr(AsyncTchavi(api_key="sk-tch_secret", base_url="http://x")) == "AsyncTchavi(base_url='http://x')"
    assert "secret" not in shown


def test_a_given_http_client_is_used_and_left_open(api_server: Any) -> None:
    """Its own credentials are for others: neither the API nor the clip's host gets them."""
    seen: list[str] = []
    hooks = {"request": [lambda request: seen.append(request.url.path)]}
    with httpx.Client(event_hooks=hooks, auth=("me", "secret")) as http:
        with Tchavi(api_key=api_server.api_key, base_url=api_server.base_url, http_client=http) as client:
            client.credits.retrieve()
        assert not http.is_closed
    assert seen == ["/v1/credits"]
    assert api_server.requests[0].headers["authorization"] == f"Bearer {api_server.api_key}"


def test_a_client_of_its_own_is_closed_and_narrow() -> None:
    with Tchavi(api_key="sk-tch_1") as client:
        pool = client._http._transport._pool  # type: ignore[attr-defined]
        assert pool._max_connections == 10
    assert client._http.is_closed
