"""Downloading a clip completely or not at all."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tchavi_studio.client import (
    Clock,
    DownloadError,
    Job,
    JobFailedError,
    JobNotFinishedError,
    NotFoundError,
    UnreadableAnswerError,
    VideoOutput,
)
from tests.client.conftest import START, make_mp4
from tests.live_api import LiveApi

# The client sees only the server's answers, which tests/api checks on every database.
pytestmark = pytest.mark.one_database

LINK = "https://cdn.example/clip.mp4?signature=secret"


CLIP = make_mp4()


@pytest.fixture
def finished(api: LiveApi) -> str:
    job_id = api.add_job()
    api.complete(job_id)
    return job_id


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "boat.mp4"


@pytest.fixture(autouse=True)
def only_a_whole_file_is_left_behind(path: Path, clip: Path) -> Any:
    """After every test, the folder holds the complete clip or nothing."""
    path.parent.mkdir()
    yield
    assert [file.name for file in path.parent.iterdir()] in ([], [path.name])
    if path.exists():
        assert path.read_bytes() in (clip.read_bytes(), CLIP, b"earlier")


def completed(**output: Any) -> Job:
    return Job(id="job_1", status="completed", output=VideoOutput(**{"video_url": LINK, **output}))


# From the real server


def test_download_by_id_replaces_an_existing_file(run_on_server: Any, api: LiveApi, finished: str, path: Path) -> None:
    path.write_bytes(b"earlier")
    assert run_on_server(lambda client: client.download(finished, str(path))) == path
    assert path.read_bytes() == api.clip
    assert api.paths() == [f"GET /jobs/{finished}", "GET media"]
    # The link is proof enough, and the clip's host may be another's.
    assert "authorization" not in api.requests[-1].headers


def test_an_open_job_is_fetched_again(run_on_server: Any, api: LiveApi, finished: str, path: Path) -> None:
    run_on_server(lambda client: client.download(Job(id=finished, status="processing"), path))
    assert path.read_bytes() == api.clip


def test_a_job_without_a_clip(run_on_server: Any, api: LiveApi, path: Path) -> None:
    job_id = api.add_job()
    with pytest.raises(JobNotFinishedError) as caught:
        run_on_server(lambda client: client.download(job_id, path))
    assert str(caught.value) == f"Job {job_id} is pending: there is no clip to download yet."
    api.fail(job_id)
    for job_or_id in (job_id, run_on_server(lambda client: client.jobs.retrieve(job_id))):
        with pytest.raises(JobFailedError):
            run_on_server(lambda client, subject=job_or_id: client.download(subject, path))
    with pytest.raises(NotFoundError):
        run_on_server(lambda client: client.download("job_999", path))


def test_an_expired_link_is_renewed(run_on_server: Any, api: LiveApi, finished: str, path: Path, hours: Any) -> None:
    job = run_on_server(lambda client: client.jobs.retrieve(finished))
    api.requests.clear()
    run_on_server(lambda client: client.download(job, path))
    assert api.paths() == ["GET media"]
    hours.elapsed_seconds = (job.output.url_expires_at - START).total_seconds()
    run_on_server(lambda client: client.download(job, path))
    assert api.paths() == ["GET media", f"GET /jobs/{finished}", "GET media"]


def test_a_refused_link_is_renewed(run_on_server: Any, api: LiveApi, finished: str, path: Path) -> None:
    job = run_on_server(lambda client: client.jobs.retrieve(finished))
    unsigned = f"{job.output.video_url.removesuffix('/file.mp4')[:-1]}/file.mp4"
    stale = Job(id=finished, status="completed", output=VideoOutput(video_url=unsigned))
    api.requests.clear()
    run_on_server(lambda client: client.download(stale, path))
    assert api.paths() == ["GET media", f"GET /jobs/{finished}", "GET media"]
    assert path.read_bytes() == api.clip


def test_a_missing_folder_is_the_callers_error(run_on_server: Any, finished: str, path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_on_server(lambda client: client.download(finished, path.parent / "gone" / "boat.mp4"))


# Faults


def test_a_completed_job_without_a_link(run: Any, path: Path) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={"id": "job_1", "status": "completed"}))
    with pytest.raises(UnreadableAnswerError, match="completed, but the server gave no video URL"):
        run(lambda client: client.download("job_1", path), transport=transport)


def test_a_link_that_keeps_being_refused(run: Any, path: Path) -> None:
    hosts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        if request.url.host == "cdn.example":
            return httpx.Response(403)
        return httpx.Response(200, json={"id": "job_1", "status": "completed", "output": {"video_url": LINK}})

    with pytest.raises(DownloadError) as caught:
        run(lambda client: client.download("job_1", path), transport=httpx.MockTransport(answer))
    assert str(caught.value) == "cdn.example answered 403 for the clip, also with a fresh link."
    assert caught.value.job_id == "job_1"
    assert hosts == ["tchavi.com", "cdn.example", "tchavi.com", "cdn.example"]


def test_a_relative_link_is_resolved_against_the_server(run: Any, path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "https://tchavi.com/media/clip.mp4?signature=1"
        return httpx.Response(200, content=CLIP)

    link = "/media/clip.mp4?signature=1"
    run(lambda client: client.download(completed(video_url=link), path), transport=httpx.MockTransport(answer))
    assert path.read_bytes() == CLIP


def test_a_broken_clip_is_retried_then_given_up(run: Any, path: Path) -> None:
    clip = CLIP
    path.write_bytes(b"earlier")
    for content, headers, reason in [
        (clip[:-1], {"Content-Length": str(len(clip))}, f"{len(clip) - 1:,} of {len(clip):,} bytes arrived"),
        (clip[:-1], {}, "it is cut short or damaged"),
        (b"<html>Sorry</html>", {}, "it is not an MP4 file"),
        (b"", {}, "it is empty"),
    ]:
        count = 0

        def answer(request: httpx.Request, content: bytes = content, headers: Any = headers) -> httpx.Response:
            nonlocal count
            count += 1
            return httpx.Response(200, headers=headers, stream=_stream(content))

        run.hours.sleeps.clear()
        with pytest.raises(DownloadError) as caught:
            run(lambda client: client.download(completed(), path), transport=httpx.MockTransport(answer))
        assert str(caught.value) == f"The clip of job job_1 could not be fetched: {reason}."
        assert (count, run.hours.sleeps) == (3, [0.4375, 0.875])
    assert path.read_bytes() == b"earlier"


def test_a_clip_of_an_unexpected_size(run: Any, path: Path) -> None:
    """Checked only if the server sends no Content-Length: `file_size_mb` is rounded, and its unit unclear."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=_stream(CLIP))

    transport = httpx.MockTransport(answer)
    with pytest.raises(DownloadError, match=r"5,0\d\d bytes arrived where 9\.5 MB were announced"):
        run(lambda client: client.download(completed(file_size_mb=9.5), path), transport=transport)
    run(lambda client: client.download(completed(file_size_mb=0.0), path), transport=transport)
    assert path.read_bytes() == CLIP


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (httpx.Response(500), "cdn.example answered 500"),
        (httpx.Response(206), "cdn.example answered 206"),
        (httpx.ReadError("broke"), "the connection to cdn.example failed (ReadError)"),
        (httpx.TooManyRedirects("round"), "the connection to cdn.example failed (TooManyRedirects)"),
    ],
    ids=str,
)
def test_a_host_that_fails(run: Any, path: Path, step: Any, reason: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if isinstance(step, Exception):
            raise step
        return httpx.Response(step.status_code)

    with pytest.raises(DownloadError) as caught:
        run(lambda client: client.download(completed(), path), transport=httpx.MockTransport(answer))
    assert str(caught.value) == f"The clip of job job_1 could not be fetched: {reason}."
    assert "secret" not in str(caught.value)


def test_a_broken_connection_is_retried(run: Any, path: Path) -> None:
    count = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        return httpx.Response(200, stream=_stream(CLIP, breaks=count == 1))

    run(lambda client: client.download(completed(), path), transport=httpx.MockTransport(answer))
    assert (count, path.read_bytes()) == (2, CLIP)


def test_redirects_are_followed(run: Any, path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "cdn.example":
            return httpx.Response(302, headers={"Location": "https://edge.example/1.mp4"})
        return httpx.Response(200, content=CLIP)

    run(lambda client: client.download(completed(), path), transport=httpx.MockTransport(answer))
    assert path.read_bytes() == CLIP


@pytest.mark.parametrize("link", ["ftp://cdn.example/clip.mp4", "file:///etc/passwd", "http://", "http://x:port/"])
def test_an_invalid_link(run: Any, path: Path, link: str) -> None:
    with pytest.raises(DownloadError, match=r"^The server gave a video URL that isn't an http\(s\) URL\.$"):
        run(
            lambda client: client.download(completed(video_url=link), path),
            transport=httpx.MockTransport(lambda request: httpx.Response(200)),
        )


def test_a_clip_without_an_end_is_given_up(run: Any, path: Path) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=CLIP))
    with pytest.raises(DownloadError, match=r"^The clip is larger than 1,000 bytes\.$"):
        run(lambda client: client.download(completed(), path, max_bytes=1000), transport=transport)


def test_a_clip_that_drips_is_given_up(run: Any, path: Path) -> None:
    ticks = iter(range(0, 10_000, 40))
    clock = Clock(monotonic_seconds=lambda: float(next(ticks)))
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=_stream(CLIP)))
    with pytest.raises(DownloadError, match=r"^The clip did not arrive in the time given\.$"):
        run(
            lambda client: client.download(completed(), path, timeout_seconds=100),
            transport=transport,
            clock=clock,
        )


def test_an_interruption_leaves_no_partial_file(run: Any, path: Path) -> None:
    class Interruption(BaseException):
        pass

    def answer(request: httpx.Request) -> httpx.Response:
        raise Interruption

    with pytest.raises(Interruption):
        run(lambda client: client.download(completed(), path), transport=httpx.MockTransport(answer))
    assert list(path.parent.iterdir()) == []


class _stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in chunks, without a Content-Length; with `breaks`, the connection drops midway."""

    def __init__(self, content: bytes, *, breaks: bool = False) -> None:
        self._content = content
        self._breaks = breaks

    def __iter__(self) -> Any:
        for start in range(0, len(self._content), 1000):
            if self._breaks and start:
                raise httpx.ReadError("broke")
            yield self._content[start : start + 1000]

    async def __aiter__(self) -> Any:
        for chunk in self:
            yield chunk
