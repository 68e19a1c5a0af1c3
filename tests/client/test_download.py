"""Fetching the clip: whole or not at all."""

from datetime import timedelta
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

LINK = "https://cdn.example/clip.mp4?signature=secret"


@pytest.fixture
def finished(api_server: Any) -> str:
    job_id: str = api_server.add_job()
    api_server.complete(job_id)
    return job_id


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "boat.mp4"


@pytest.fixture(autouse=True)
def only_a_whole_file_is_left_behind(path: Path, api_server: Any) -> Any:
    """After every test here: the folder holds the whole clip or nothing."""
    path.parent.mkdir()
    yield
    assert [file.name for file in path.parent.iterdir()] in ([], [path.name])
    if path.exists():
        assert path.read_bytes() in (api_server.clip, b"earlier")


def completed(**output: Any) -> Job:
    return Job(id="job_1", status="completed", output=VideoOutput(**{"video_url": LINK, **output}))


def test_by_id(run_on_server: Any, api_server: Any, finished: str, path: Path) -> None:
    assert run_on_server(lambda client: client.download(finished, str(path))) == path
    assert path.read_bytes() == api_server.clip
    assert api_server.paths() == ["GET /jobs/job_001", "GET media"]


def test_the_key_is_not_sent_to_the_clips_host(run_on_server: Any, api_server: Any, finished: str, path: Path) -> None:
    run_on_server(lambda client: client.download(finished, path))
    assert api_server.requests[-1].headers["authorization"] is None


def test_by_job_without_asking_again(run_on_server: Any, api_server: Any, finished: str, path: Path) -> None:
    job = run_on_server(lambda client: client.jobs.retrieve(finished))
    api_server.requests.clear()
    run_on_server(lambda client: client.download(job, path))
    assert api_server.paths() == ["GET media"]


def test_what_was_there_is_replaced(run_on_server: Any, api_server: Any, finished: str, path: Path) -> None:
    path.write_bytes(b"earlier")
    run_on_server(lambda client: client.download(finished, path))
    assert path.read_bytes() == api_server.clip


def test_a_job_seen_open_is_looked_at_again(run_on_server: Any, api_server: Any, finished: str, path: Path) -> None:
    run_on_server(lambda client: client.download(Job(id=finished, status="processing"), path))
    assert path.read_bytes() == api_server.clip


def test_a_job_that_is_not_finished(run_on_server: Any, api_server: Any, path: Path) -> None:
    job_id = api_server.add_job()
    with pytest.raises(JobNotFinishedError) as caught:
        run_on_server(lambda client: client.download(job_id, path))
    assert str(caught.value) == "Job job_001 is pending: there is no clip to download yet."


def test_a_job_that_failed(run_on_server: Any, api_server: Any, path: Path) -> None:
    job_id = api_server.add_job()
    api_server.fail(job_id)
    for job_or_id in (job_id, run_on_server(lambda client: client.jobs.retrieve(job_id))):
        with pytest.raises(JobFailedError):
            run_on_server(lambda client, subject=job_or_id: client.download(subject, path))


def test_a_job_that_is_unknown(run_on_server: Any, path: Path) -> None:
    with pytest.raises(NotFoundError):
        run_on_server(lambda client: client.download("job_999", path))


def test_a_completed_job_without_a_link(run_on_server: Any, api_server: Any, path: Path) -> None:
    job_id = api_server.add_job(status="completed")
    with pytest.raises(UnreadableAnswerError, match="completed, but the server names no video URL"):
        run_on_server(lambda client: client.download(job_id, path))


def test_a_link_past_its_time_is_asked_for_again(
    run_on_server: Any, api_server: Any, finished: str, path: Path, hours: Any
) -> None:
    job = run_on_server(lambda client: client.jobs.retrieve(finished))
    hours.elapsed_seconds = timedelta(days=1).total_seconds()
    api_server.complete(finished, signature="2")
    api_server.requests.clear()
    run_on_server(lambda client: client.download(job, path))
    assert api_server.paths() == ["GET /jobs/job_001", "GET media"]
    assert api_server.requests[-1].query == {"signature": "2"}


def test_a_link_that_is_refused_is_asked_for_again(
    run_on_server: Any, api_server: Any, finished: str, path: Path
) -> None:
    job = run_on_server(lambda client: client.jobs.retrieve(finished))
    api_server.complete(finished, signature="2")
    api_server.link_is_expired = lambda signature: signature == "1"
    api_server.requests.clear()
    run_on_server(lambda client: client.download(job, path))
    assert api_server.paths() == ["GET media", "GET /jobs/job_001", "GET media"]


def test_a_link_that_stays_refused(run_on_server: Any, api_server: Any, finished: str, path: Path) -> None:
    api_server.link_is_expired = lambda signature: True
    with pytest.raises(DownloadError) as caught:
        run_on_server(lambda client: client.download(finished, path))
    assert str(caught.value) == "127.0.0.1 answered 403 for the clip, also with a fresh link."
    assert caught.value.job_id == finished
    assert api_server.paths() == ["GET /jobs/job_001", "GET media", "GET /jobs/job_001", "GET media"]


def test_a_relative_link_is_read_from_the_servers_address(
    run_on_server: Any, api_server: Any, finished: str, path: Path
) -> None:
    api_server.jobs[finished]["output"]["video_url"] = "/media/clip.mp4?signature=1"
    run_on_server(lambda client: client.download(finished, path))
    assert path.read_bytes() == api_server.clip


def test_a_folder_that_is_not_there_is_the_callers_error(run_on_server: Any, finished: str, path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_on_server(lambda client: client.download(finished, path.parent / "gone" / "boat.mp4"))


# Faults


def test_a_broken_clip_is_fetched_again_then_given_up(run: Any, api_server: Any, path: Path) -> None:
    clip = api_server.clip
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


def test_a_clip_of_another_size_than_announced(run: Any, api_server: Any, path: Path) -> None:
    """Only where the server sends no Content-Length: `file_size_mb` is rounded, and its megabyte unclear."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=_stream(api_server.clip))

    transport = httpx.MockTransport(answer)
    with pytest.raises(DownloadError, match=r"5,0\d\d bytes arrived where 9\.5 MB were announced"):
        run(lambda client: client.download(completed(file_size_mb=9.5), path), transport=transport)
    run(lambda client: client.download(completed(file_size_mb=0.0), path), transport=transport)
    assert path.read_bytes() == api_server.clip


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


def test_a_connection_that_breaks_half_way_is_made_good(run: Any, api_server: Any, path: Path) -> None:
    count = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        return httpx.Response(200, stream=_stream(api_server.clip, breaks=count == 1))

    run(lambda client: client.download(completed(), path), transport=httpx.MockTransport(answer))
    assert (count, path.read_bytes()) == (2, api_server.clip)


def test_redirects_are_followed(run: Any, api_server: Any, path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "cdn.example":
            return httpx.Response(302, headers={"Location": "https://edge.example/1.mp4"})
        return httpx.Response(200, content=api_server.clip)

    run(lambda client: client.download(completed(), path), transport=httpx.MockTransport(answer))
    assert path.read_bytes() == api_server.clip


@pytest.mark.parametrize("link", ["ftp://cdn.example/clip.mp4", "file:///etc/passwd", "http://", "http://x:port/"])
def test_a_link_that_is_no_link(run: Any, path: Path, link: str) -> None:
    with pytest.raises(DownloadError, match=r"^The server named a video URL that is no http\(s\) URL\.$"):
        run(
            lambda client: client.download(completed(video_url=link), path),
            transport=httpx.MockTransport(lambda request: httpx.Response(200)),
        )


def test_a_clip_without_an_end_is_given_up(run: Any, api_server: Any, path: Path) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=api_server.clip))
    with pytest.raises(DownloadError, match=r"^The clip is larger than 1,000 bytes\.$"):
        run(lambda client: client.download(completed(), path, max_bytes=1000), transport=transport)


def test_a_clip_that_drips_is_given_up(run: Any, api_server: Any, path: Path) -> None:
    ticks = iter(range(0, 10_000, 40))
    clock = Clock(monotonic_seconds=lambda: float(next(ticks)))
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=_stream(api_server.clip)))
    with pytest.raises(DownloadError, match=r"^The clip did not arrive in the time given\.$"):
        run(
            lambda client: client.download(completed(), path, timeout_seconds=100),
            transport=transport,
            clock=clock,
        )


def test_an_interruption_leaves_no_part_behind(run: Any, api_server: Any, path: Path) -> None:
    class Interruption(BaseException):
        pass

    def answer(request: httpx.Request) -> httpx.Response:
        raise Interruption

    with pytest.raises(Interruption):
        run(lambda client: client.download(completed(), path), transport=httpx.MockTransport(answer))
    assert list(path.parent.iterdir()) == []


class _stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces, without a Content-Length of httpx's making; `breaks` in the middle if asked to."""

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
