"""Both clients against the real server. test_faults.py covers unhealthy servers."""

import io
import wave
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from PIL import Image
from pytest_django import Settings

from tchavi_studio.api import rate_limits
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
    PermissionDeniedError,
    Problem,
    RateLimitError,
    Tchavi,
    UnprocessableError,
    UsageError,
)
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.ledger.queries import wallet_balance
from tests.live_api import LiveApi

# The client sees only the server's answers, which tests/api checks on every database.
pytestmark = pytest.mark.one_database

BOAT = {"model": "seedance-2", "prompt": "A paper boat in the rain"}


def write_picture(path: Path) -> Path:
    Image.new("RGB", (640, 480), "teal").save(path)
    return path


def write_sound(path: Path) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(2 * 8000 * 3))
    return path


# Generations


def test_a_clip_from_a_local_picture_to_a_local_file(
    run_on_server: Any, api: LiveApi, hours: Any, tmp_path: Path
) -> None:
    """From upload to download: upload, quote, create, wait, download."""
    picture = write_picture(tmp_path / "first.png")
    told: list[tuple[str, float]] = []
    params = {**BOAT, "image_url": picture, "duration": 2}
    quote = run_on_server(lambda client: client.videos.quote(**params))
    job = run_on_server(
        lambda client: client.videos.generations.create_and_wait(
            **params, on_update=lambda job: told.append((job.status, hours.elapsed_seconds))
        )
    )
    assert told == [("pending", 0.0), ("processing", 2.0), ("completed", 4.5)]
    assert hours.sleeps == [2.0, 2.5]
    assert (quote.amount_credits, job.credits_used, job.credits_refunded) == (520, 520, None)
    assert (job.output.duration_seconds, job.output.resolution) == (2.0, "480p")
    api.requests.clear()
    path = run_on_server(lambda client: client.download(job, tmp_path / "boat.mp4"))
    assert path.read_bytes() == api.clip
    assert api.paths() == ["GET media"]
    assert wallet_balance(workspace=api.workspace, book="sandbox") == 10_000 - 520
    generation = Generation.objects.get(workspace=api.workspace)
    assert (generation.state, generation.mode) == (State.COMPLETED, "frames")


def test_create_returns_the_accepted_job(run_on_server: Any, api: LiveApi) -> None:
    job = run_on_server(lambda client: client.videos.generations.create(**BOAT))
    generation = Generation.objects.get(workspace=api.workspace)
    assert (job.id, job.status, job.model, job.credits_used) == (
        f"job_{generation.pk.hex}",
        "pending",
        "seedance-2",
        1300,
    )
    assert job.extra == {
        "studio": {"engine": "preview", "seed": generation.seed, "is_test": False},
        "warnings": [],
        "hints": [],
    }
    info = job.response
    assert (info.request_id[:4], info.credits_used, info.credits_remaining) == ("req_", 1300, 8700)
    assert (info.requests_per_minute_limit, info.requests_per_minute_remaining) == (120, 119)


def test_create_sends_exactly_the_given_parameters(run_on_server: Any, api: LiveApi) -> None:
    everything = {
        **BOAT,
        "duration": 10,
        "resolution": "720p",
        "aspect_ratio": "9:16",
        "generate_audio": False,
        "seed": 0,
    }
    job = run_on_server(lambda client: client.videos.generations.create(**everything))
    assert api.requests[0].json == everything
    assert (job.credits_used, job.extra["studio"]["seed"]) == (5800, 0)
    generation = Generation.objects.get(workspace=api.workspace)
    assert (generation.width, generation.height, generation.generate_audio) == (720, 1280, False)

    job = run_on_server(
        lambda client: client.videos.generations.create(**BOAT, seed=None, extra_body={"camera": "dolly"})
    )
    assert api.requests[1].json == {**BOAT, "camera": "dolly"}
    assert [warning["param"] for warning in job.extra["warnings"]] == ["camera"]


def test_the_request_carries_the_key_and_an_idempotency_key(run_on_server: Any, api: LiveApi) -> None:
    run_on_server(lambda client: client.videos.generations.create(**BOAT))
    run_on_server(lambda client: client.videos.generations.create(**BOAT))
    first, second = (request.headers for request in api.requests)
    assert first["authorization"] == f"Bearer {api.api_key}"
    assert (first["accept"], first["user-agent"]) == ("application/json", "tchavi-studio-client")
    assert len(first["idempotency-key"]) == 36
    assert first["idempotency-key"] != second["idempotency-key"]


def test_the_same_idempotency_key_gives_one_job_and_one_charge(run_on_server: Any, api: LiveApi) -> None:
    def create(**changes: Any) -> Any:
        return run_on_server(
            lambda client: client.videos.generations.create(**{**BOAT, **changes}, idempotency_key="boat-1")
        )

    first, again = create(), create()
    assert (first.response.is_replay, again.response.is_replay) == (False, True)
    assert again == first
    assert wallet_balance(workspace=api.workspace, book="sandbox") == 8700
    with pytest.raises(UnprocessableError) as caught:
        create(prompt="Another boat")
    assert (caught.value.code, caught.value.idempotency_key) == ("idempotency_key_reused", "boat-1")


def test_on_update_may_be_a_coroutine_function(run_on_server: Any) -> None:
    told: list[str] = []

    async def note(job: Job) -> None:
        told.append(job.status)

    if run_on_server.mode == "async":
        run_on_server(lambda client: client.videos.generations.create_and_wait(**BOAT, on_update=note))
        assert told == ["pending", "processing", "completed"]


def test_a_failed_job_raises_with_its_reason_and_is_refunded(run_on_server: Any, api: LiveApi) -> None:
    with pytest.raises(JobFailedError) as caught:
        run_on_server(lambda client: client.videos.generations.create_and_wait(**{**BOAT, "prompt": "[fail]"}))
    error = caught.value
    assert (error.code, error.credits_refunded, error.job.status) == ("content_policy", 1300, "failed")
    assert str(error) == (
        f"Job {error.job_id} failed: The prompt was refused by the model (content_policy). 1,300 credits were refunded."
    )
    assert wallet_balance(workspace=api.workspace, book="sandbox") == 10_000


def test_a_wait_timeout_leaves_the_job_running(run_on_server: Any, api: LiveApi, hours: Any) -> None:
    api.is_working = False
    with pytest.raises(JobTimeoutError) as caught:
        run_on_server(lambda client: client.videos.generations.create_and_wait(**BOAT, timeout_seconds=10))
    error = caught.value
    assert (error.job.status, error.timeout_seconds) == ("pending", 10)
    assert str(error) == (
        f"Job {error.job_id} is still pending after 10 s. It goes on and stays charged. Ask for it again by its id."
    )
    assert hours.sleeps == [2.0, 2.5, 3.125, 2.375, 0]
    api.is_working = True
    assert run_on_server(lambda client: client.jobs.wait(error.job_id)).is_completed


def test_a_finished_job_is_not_fetched_again(run_on_server: Any, api: LiveApi) -> None:
    job = Job(id="job_9", status="completed")
    told: list[str] = []
    assert run_on_server(lambda client: client.jobs.wait(job, on_update=lambda job: told.append(job.id))) is job
    assert (told, api.requests) == (["job_9"], [])


def test_exceptions_in_on_update_reach_the_caller(run_on_server: Any) -> None:
    def refuse(job: Job) -> None:
        raise LookupError(job.status)

    with pytest.raises(LookupError, match=r"^pending$"):
        run_on_server(lambda client: client.videos.generations.create_and_wait(**BOAT, on_update=refuse))


# Limits: the server counts the minutes of `hours`


@pytest.fixture
def server_time(hours: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "time", SimpleNamespace(time=lambda: hours.now.timestamp()))


@pytest.mark.usefixtures("server_time")
def test_polling_keeps_inside_the_rate_budget(run_on_server: Any, api: LiveApi, hours: Any, settings: Settings) -> None:
    settings.STUDIO_API_RPM_PER_KEY = 10
    run_on_server(lambda client: client.videos.generations.create_and_wait(**BOAT))
    assert hours.sleeps == [6.0, 60 / 9]  # 9 were left, then 8


@pytest.mark.usefixtures("server_time")
def test_polling_is_never_refused_however_small_the_budget(
    run_on_server: Any, api: LiveApi, hours: Any, settings: Settings
) -> None:
    settings.STUDIO_API_RPM_PER_KEY = 2
    api.is_working = False
    with pytest.raises(JobTimeoutError):
        run_on_server(lambda client: client.videos.generations.create_and_wait(**BOAT, timeout_seconds=300))
    assert hours.sleeps == [30.0, 60.0, 30.0, 30.0, 60.0, 30.0, 30.0, 30.0]
    assert api.statuses == [202] + [200] * 7


@pytest.mark.usefixtures("server_time")
def test_retry_after_is_waited_for(run_on_server: Any, api: LiveApi, hours: Any, settings: Settings) -> None:
    settings.STUDIO_API_RPM_PER_KEY = 2
    hours.elapsed_seconds = 13.0
    assert run_on_server(lambda client: client.jobs.list_page()).response.requests_per_minute_remaining == 1
    run_on_server(lambda client: client.jobs.list_page())
    page = run_on_server(lambda client: client.jobs.list_page())
    assert (hours.sleeps, page.response.requests_per_minute_remaining) == ([47.0], 1)
    run_on_server(lambda client: client.jobs.list_page())
    with pytest.raises(RateLimitError) as caught:
        run_on_server(lambda client: client.jobs.list_page(), max_retries=0)
    assert (caught.value.code, caught.value.retry_after_seconds) == ("user_rate_limit_exceeded", 60.0)
    assert caught.value.response.requests_per_minute_remaining == 0


# Refusals


def test_every_problem_of_a_refused_request_is_listed(run_on_server: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run_on_server(
            lambda client: client.videos.generations.create(
                **{**BOAT, "model": "x", "duration": 99, "resolution": "8k", "seed": -1}
            )
        )
    error = caught.value
    assert (error.status, error.code, error.param, error.outcome_unknown) == (400, "invalid_request", "model", False)
    assert [(problem.param, problem.code) for problem in error.problems] == [
        ("model", "not_a_choice"),
        ("duration", "out_of_range"),
        ("resolution", "not_a_choice"),
        ("seed", "out_of_range"),
    ]
    assert all(problem.message for problem in error.problems)


def test_a_problem_in_a_list_names_its_place(run_on_server: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run_on_server(
            lambda client: client.videos.generations.create(**BOAT, reference_images=["https://127.0.0.1:9/a.png"])
        )
    assert [(problem.param, problem.index) for problem in caught.value.problems] == [("reference_images", 0)]


def test_an_insufficient_credits_error_has_both_figures(run_on_server: Any, api: LiveApi) -> None:
    api.add_job(duration=15, resolution="720p")
    with pytest.raises(InsufficientCreditsError) as caught:
        run_on_server(lambda client: client.videos.generations.create(**BOAT, duration=6))
    error = caught.value
    assert (error.code, error.message, error.response.credits_remaining) == (
        "insufficient_credits",
        "This needs 1,560 credits, but the wallet holds only 1,300. No credits moved.",
        1300,
    )
    quote = run_on_server(lambda client: client.videos.quote(**BOAT, duration=6))
    assert (quote.amount_credits, quote.balance_credits, quote.is_affordable) == (1560, 1300, False)


def test_a_wrong_key(run_on_server: Any) -> None:
    with pytest.raises(AuthenticationError) as caught:
        run_on_server(lambda client: client.jobs.retrieve("job_1"), api_key="sk-tch_wrong_key")
    assert caught.value.code == "invalid_api_key"
    assert "sk-tch_wrong_key" not in f"{caught.value!r} {vars(caught.value)}"


def test_a_read_only_key(run_on_server: Any, api: LiveApi) -> None:
    reader, _ = api.new_key(scope="read")
    with pytest.raises(PermissionDeniedError) as caught:
        run_on_server(lambda client: client.videos.generations.create(**BOAT), api_key=reader)
    assert caught.value.code == "insufficient_scope"


# Jobs


def test_retrieve(run_on_server: Any, api: LiveApi) -> None:
    job_id = api.add_job()
    job = run_on_server(lambda client: client.jobs.retrieve(job_id))
    assert (job.id, job.status, job.credits_used) == (job_id, "pending", 1300)


def test_an_unknown_job(run_on_server: Any) -> None:
    with pytest.raises(NotFoundError) as caught:
        run_on_server(lambda client: client.jobs.retrieve("job_999"))
    assert (caught.value.status, caught.value.job_id) == (404, "job_999")


def test_a_job_id_cannot_change_the_path(run_on_server: Any, api: LiveApi) -> None:
    with pytest.raises(NotFoundError):
        run_on_server(lambda client: client.jobs.retrieve("../credits?x=1"))
    assert [(request.path, request.query) for request in api.requests] == [("/jobs/../credits?x=1", {})]
    for job_id in ("", ".", ".."):
        with pytest.raises(UsageError):
            run_on_server(lambda client, job_id=job_id: client.jobs.retrieve(job_id))


@pytest.mark.parametrize(
    ("count", "queries"),
    [
        (0, [("50", "0")]),
        (3, [("50", "0")]),
        (50, [("50", "0")]),
        (120, [("50", "0"), ("50", "50"), ("50", "100")]),
    ],
)
def test_list_walks_all_pages(run_on_server: Any, api: LiveApi, count: int, queries: list[tuple[str, str]]) -> None:
    key, key_id = api.new_key(is_test=True)
    ids = [api.add_job(key_id=key_id, is_test=True) for _ in range(count)]
    api.add_job()  # another key's
    jobs = run_on_server(lambda client: client.jobs.list(), api_key=key)
    assert [job.id for job in jobs] == ids[::-1]
    assert [(request.query["limit"], request.query["offset"]) for request in api.requests] == queries


@pytest.fixture
def sixty(api: LiveApi) -> tuple[str, list[str]]:
    """A test key with 60 jobs, and their ids."""
    key, key_id = api.new_key(is_test=True)
    return key, [api.add_job(key_id=key_id, is_test=True) for _ in range(60)]


def test_list_fetches_no_more_than_needed(run_on_server: Any, api: LiveApi, sixty: tuple[str, list[str]]) -> None:
    key, ids = sixty
    jobs = run_on_server(lambda client: client.jobs.list(limit=55), api_key=key)
    assert [job.id for job in jobs] == ids[:4:-1]
    assert [request.query["limit"] for request in api.requests] == ["50", "5"]


def test_list_is_lazy_and_skips_duplicates_across_pages(api: LiveApi, sixty: tuple[str, list[str]]) -> None:
    key, ids = sixty
    with Tchavi(api_key=key, base_url=api.base_url) as client:
        jobs = client.jobs.list()
        assert api.requests == []
        seen = [next(jobs).id]
        assert len(api.requests) == 1
        client.videos.generations.create(**BOAT)  # type: ignore[arg-type]
        seen += [job.id for job in jobs]
    assert seen == ids[::-1]
    # A Studio that doesn't know `after` yet takes the offset.
    assert [request.query for request in api.requests] == [
        {"limit": "50", "offset": "0"},
        {},
        {"limit": "50", "offset": "50", "after": ids[10]},
    ]


def test_list_filters_by_status(run_on_server: Any, api: LiveApi) -> None:
    failed, _ = api.add_job(), api.add_job()
    api.fail(failed)
    assert [job.id for job in run_on_server(lambda client: client.jobs.list(status="failed"))] == [failed]
    with pytest.raises(UsageError):
        run_on_server(lambda client: client.jobs.list(limit=0))
    with pytest.raises(InvalidRequestError) as caught:
        run_on_server(lambda client: client.jobs.list(status="dreaming"))
    assert caught.value.param == "status"


def test_list_page_has_headers_even_for_an_empty_page(run_on_server: Any, api: LiveApi) -> None:
    page = run_on_server(lambda client: client.jobs.list_page(limit=1, offset=7))
    assert (page.jobs, page.has_more, page.response.requests_per_minute_remaining) == ((), False, 119)
    assert api.requests[0].query == {"limit": "1", "offset": "7"}


def test_list_page_continues_after_a_job(run_on_server: Any, sixty: tuple[str, list[str]]) -> None:
    key, ids = sixty
    page = run_on_server(lambda client: client.jobs.list_page(limit=2, after=ids[30]), api_key=key)
    assert ([job.id for job in page.jobs], page.has_more) == ([ids[29], ids[28]], True)


# A Studio's additions


def test_cancel(run_on_server: Any, api: LiveApi) -> None:
    waiting, begun = api.add_job(), api.add_job()
    job = run_on_server(lambda client: client.jobs.cancel(waiting))
    assert (job.status, job.error.code, job.credits_refunded) == ("failed", "cancelled", 1300)
    assert job.response.credits_remaining == 8700
    assert run_on_server(lambda client: client.jobs.cancel(waiting)).id == waiting
    api.begin()
    with pytest.raises(ConflictError) as caught:
        run_on_server(lambda client: client.jobs.cancel(begun))
    assert caught.value.code == "not_cancellable"
    with pytest.raises(NotFoundError, match="This key has no such job") as unknown:
        run_on_server(lambda client: client.jobs.cancel("job_999"))
    assert unknown.value.job_id == "job_999"


def test_credits_models_and_quote(run_on_server: Any, api: LiveApi) -> None:
    balance = run_on_server(lambda client: client.credits.retrieve())
    assert (balance.balance_credits, balance.book, balance.is_test) == (10_000, "sandbox", False)
    models = run_on_server(lambda client: client.models.list())
    assert [(model.id, model.extra["pricing"]["480p"]) for model in models] == [("seedance-2", 260), ("kling-v3", 260)]
    quote = run_on_server(lambda client: client.videos.quote(**BOAT, duration=-1, resolution="720p"))
    assert (quote.amount_credits, quote.credits_per_second, quote.billed_seconds) == (5800, 580, 10)
    assert (quote.balance_credits, quote.is_affordable) == (10_000, True)
    assert quote.extra == {"warnings": [], "hints": []}


# Local files


def test_local_files_are_uploaded_in_place_of_urls(run_on_server: Any, api: LiveApi, tmp_path: Path) -> None:
    picture, sound = write_picture(tmp_path / "first.png"), write_sound(tmp_path / "voice.wav")
    memory = io.BytesIO(picture.read_bytes())
    memory.read()  # the file is sent from its start, wherever it was read to
    run_on_server(
        lambda client: client.videos.generations.create(
            **BOAT,
            reference_images=[picture, str(picture), memory],
            reference_audios=(sound,),
        )
    )
    assert api.paths() == ["POST /files"] * 4 + ["POST /videos/generations"]
    sent = api.requests[-1].json
    assert (len(sent["reference_images"]), len(sent["reference_audios"])) == (3, 1)
    references = Generation.objects.get(workspace=api.workspace).references.order_by("role", "position")
    assert [(reference.role, reference.asset.kind) for reference in references] == [
        ("reference_audio", "audio"),
        ("reference_image", "image"),
        ("reference_image", "image"),
        ("reference_image", "image"),
    ]


def test_file_support_is_detected_without_an_upload(run_on_server: Any, api: LiveApi) -> None:
    assert run_on_server(lambda client: client.files.are_taken()) is True
    assert api.paths() == ["GET /files"]


def test_upload(run_on_server: Any, api: LiveApi, tmp_path: Path) -> None:
    path = write_picture(tmp_path / "first.png")
    file = run_on_server(lambda client: client.files.upload(path))
    assert (file.kind, file.width, file.height, file.duration_seconds) == ("image", 640, 480, None)
    assert (file.id[:5], file.needs_trim, file.extra) == ("file_", False, {})
    kept = httpx.get(file.url)
    assert (kept.headers["content-type"], len(kept.content)) == (file.content_type, file.byte_count)
    with path.open("rb") as opened:
        assert run_on_server(lambda client: client.files.upload(opened)).kind == "image"
        assert not opened.closed
    with pytest.raises(UsageError, match="This is a URL already"):
        run_on_server(lambda client: client.files.upload("https://example.org/a.png"))


def test_a_refused_file(run_on_server: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("no picture")
    with pytest.raises(InvalidRequestError) as caught:
        run_on_server(lambda client: client.files.upload(tmp_path / "notes.png"))
    error = caught.value
    assert (error.status, error.param) == (400, "file")
    assert error.problems == (Problem(param="file", code=error.problems[0].code, message=error.message),)


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
        ({"reference_images": "https://x/a.png"}, "reference_images takes a list, even for one file."),
        ({"reference_images": 7}, "reference_images takes a list, even for one file."),
        ({"promt": "x"}, "Unknown parameter: promt. Pass others in extra_body."),
        ({"prompt": None}, "Missing parameter: prompt."),
        ({"prompt": "\ud800"}, None),
        ({"seed": float("nan")}, None),
        ({"idempotency_key": "a b"}, "An idempotency key must be 1 to 255 visible ASCII characters."),
        ({"idempotency_key": ""}, "An idempotency key must be 1 to 255 visible ASCII characters."),
        ({"idempotency_key": "k" * 256}, "An idempotency key must be 1 to 255 visible ASCII characters."),
    ],
)
def test_invalid_arguments_are_refused_before_anything_is_sent(
    run: Any, tmp_path: Path, params: dict[str, Any], message: str | None
) -> None:
    sent: list[httpx.Request] = []
    transport = httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(202))  # type: ignore[func-returns-value]
    with pytest.raises(UsageError) as caught:
        run(
            lambda client: client.videos.generations.create(
                **{**BOAT, "extra_body": {"camera": tmp_path.name}, **params}
            ),
            transport=transport,
        )
    assert sent == []
    if message is not None:
        assert str(caught.value) == message


def test_a_missing_file_is_detected_before_any_upload(run_on_server: Any, api: LiveApi, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        run_on_server(
            lambda client: client.videos.generations.create(
                **BOAT, image_url=write_picture(tmp_path / "first.png"), reference_audios=[tmp_path / "gone.mp3"]
            )
        )
    assert api.requests == []


# Configuration


def test_the_key_and_the_server_come_from_the_environment(
    run: Any, api: LiveApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TCHAVI_API_KEY", f" {api.api_key}\n")
    monkeypatch.setenv("TCHAVI_BASE_URL", f"{api.base_url}/")
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
def test_an_invalid_configuration_is_refused(
    kind: Any, options: dict[str, Any], error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TCHAVI_API_KEY", raising=False)
    with pytest.raises(UsageError) as caught:
        kind(**{"api_key": "sk-tch_1", **options})
    assert type(caught.value) is error
    for secret in ("sk-tch_a", "secret"):
        assert secret not in str(caught.value)


def test_no_repr_shows_the_key() -> None:
    with Tchavi(api_key="sk-tch_secret", base_url="http://127.0.0.1:1") as client:
        shown = f"{client!r} {client._flows._connection!r} {client}"
    assert repr(client) == "Tchavi(base_url='http://127.0.0.1:1')"
    assert repr(AsyncTchavi(api_key="sk-tch_secret", base_url="http://x")) == "AsyncTchavi(base_url='http://x')"
    assert "secret" not in shown


def test_a_given_http_client_is_used_and_left_open(api: LiveApi) -> None:
    """Credentials from the environment go neither to the API nor to the clip's host."""
    seen: list[str] = []
    hooks = {"request": [lambda request: seen.append(request.url.path)]}
    with httpx.Client(event_hooks=hooks, auth=("me", "secret")) as http:
        with Tchavi(api_key=api.api_key, base_url=api.base_url, http_client=http) as client:
            client.credits.retrieve()
        assert not http.is_closed
    assert seen == ["/v1/credits"]
    assert api.requests[0].headers["authorization"] == f"Bearer {api.api_key}"


def test_the_default_http_client_is_closed_and_restricted() -> None:
    with Tchavi(api_key="sk-tch_1") as client:
        pool = client._http._transport._pool  # type: ignore[attr-defined]
        assert pool._max_connections == 10
    assert client._http.is_closed
