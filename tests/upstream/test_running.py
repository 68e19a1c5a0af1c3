"""The upstream as a process: with our own client, through kills, and fetching references."""

import asyncio
import contextlib
import hashlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import httpx
import pytest

from tchavi_studio.client import (
    APITimeoutError,
    AsyncTchavi,
    DownloadError,
    InsufficientCreditsError,
    JobFailedError,
    PermissionDeniedError,
    RateLimitError,
    Tchavi,
    TchaviError,
)
from tests.running_studio import wait_for
from tests.upstream.conftest import KEY
from tests.upstream.faults import ROUGH_WEATHER
from tests.upstream.running import RunningUpstream
from tests.upstream.server import Journal
from tests.upstream.service import Settings, Upstream
from tests.upstream.wire import Request

WITHIN_SECONDS = 10.0


def client_of(running: RunningUpstream, **options: float) -> Tchavi:
    return Tchavi(
        api_key=running.api_key,
        base_url=running.base_url,
        transport=httpx.HTTPTransport(verify=False),
        max_retries=int(options.get("max_retries", 0)),
        timeout_seconds=options.get("timeout_seconds", 10),
    )


@pytest.fixture
def client(running: RunningUpstream) -> Iterator[Tchavi]:
    with client_of(running) as client:
        yield client


def test_our_client_downloads_its_video(running: RunningUpstream, client: Tchavi, tmp_path: Path) -> None:
    job = client.videos.generations.create(model="seedance-2", prompt="A boat", seed=11)
    assert (job.status, job.credits_used, job.response.credits_used) == ("pending", 1300, 1300)
    assert next(iter(client.jobs.list(limit=1))).id == job.id
    running.control.finish(job.id)
    finished = client.jobs.retrieve(job.id)
    assert finished.is_completed
    path = client.download(finished, tmp_path / "boat.mp4")
    with av.open(str(path)) as container:
        streams = [(stream.type, stream.codec_context.name) for stream in container.streams]
        assert streams == [("video", "h264"), ("audio", "aac")]
        assert sum(1 for _ in container.decode(video=0)) == 48
    facts = running.control.jobs(seed=11)
    assert [(one.id, one.prompt, one.charged_credits, one.refunded_credits) for one in facts] == [
        (job.id, "A boat", 1300, None)
    ]


def test_no_two_videos_are_equal(running: RunningUpstream, client: Tchavi, tmp_path: Path) -> None:
    hashes = set()
    for number in range(2):
        job = client.videos.generations.create(model="kling-v3", prompt="A boat")
        running.control.finish(job.id)
        hashes.add(hashlib.sha256(client.download(job, tmp_path / f"{number}.mp4").read_bytes()).hexdigest())
    assert len(hashes) == 2


def test_our_client_sees_refusals_and_failures(running: RunningUpstream, client: Tchavi) -> None:
    job = client.videos.generations.create(model="seedance-2", prompt="A boat")
    running.control.fail(job.id, "content_policy_violation", "A face.")
    with pytest.raises(JobFailedError, match="A face"):
        client.jobs.wait(job.id)
    for kind, error in (
        ("insufficient_credits", InsufficientCreditsError),
        ("model_not_allowed", PermissionDeniedError),
        ("rate_limit_exceeded", RateLimitError),
    ):
        running.control.arm("create", kind)
        with pytest.raises(error):
            client.videos.generations.create(model="seedance-2", prompt="A boat")


@pytest.mark.parametrize("kind", ["cut_file", "cut_file_without_length", "short_file", "html_200", "expired_url"])
def test_our_client_keeps_no_broken_video(running: RunningUpstream, client: Tchavi, tmp_path: Path, kind: str) -> None:
    job = client.videos.generations.create(model="seedance-2", prompt="A boat")
    running.control.finish(job.id)
    running.control.arm("output", kind, times=2)
    with pytest.raises(DownloadError):
        client.download(job, tmp_path / "boat.mp4")
    running.control.disarm()
    assert list(tmp_path.iterdir()) == []


def test_uploads(running: RunningUpstream, client: Tchavi, tmp_path: Path) -> None:
    running.control.set(takes_files=True)
    path = tmp_path / "boat.png"
    path.write_bytes(b"\x89PNG" * 50_000)
    uploaded = client.files.upload(path)
    assert (uploaded.kind, uploaded.byte_count) == ("image", 200_000)
    assert running.control.files[-1].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_unknown_controls_are_refused(running: RunningUpstream) -> None:
    with pytest.raises(ValueError, match="job_unknown isn't an open job"):
        running.control.finish("job_unknown")
    with pytest.raises(ValueError, match="unexpected keyword"):
        running.control.set(patience=3)
    response = httpx.post(f"{running.other_origin}/control/handle", json={}, verify=False, trust_env=False)
    assert response.status_code == 400


# References


def test_references_are_fetched(tmp_path: Path) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/a.png?signature=good"
            self.send_response(200 if found else 403)
            self.send_header("Content-Type", "image/png")
            self.send_header("Content-Length", "7" if found else "0")
            self.end_headers()
            self.wfile.write(b"picture" if found else b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    studio = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=studio.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    origin = f"http://127.0.0.1:{studio.server_port}"
    urls = [f"{origin}/a.png?signature=good", f"{origin}/a.png?signature=bad", "https://studio.example/a.png"]
    try:
        with RunningUpstream(tmp_path, job_seconds=None, fetches_references=True) as running:
            with client_of(running) as client:
                job = client.videos.generations.create(model="seedance-2", prompt="A boat", reference_images=urls)
            wait_for(
                lambda: len(running.control.reference_fetches) == 3,
                seconds=WITHIN_SECONDS,
                what="the references to be fetched",
            )
            fetches = {fetch.url: (fetch.status, fetch.byte_count) for fetch in running.control.reference_fetches}
            assert fetches == dict(zip(urls, [(200, 7), (403, 0), (0, 0)], strict=True))
            assert {fetch.job_id for fetch in running.control.reference_fetches} == {job.id}
    finally:
        studio.shutdown()
        thread.join()
        studio.server_close()


# Kills


def test_kill_loses_nothing_committed(tmp_path: Path) -> None:
    with RunningUpstream(tmp_path, seed=3, job_seconds=None, failure_rate=0) as running:
        port, control = running.port, running.control
        control.set(requests_per_minute=77)
        control.set_balance(5_000)
        with client_of(running) as client:
            failed = client.videos.generations.create(model="seedance-2", prompt="first", seed=1)
            control.fail(failed.id)
            done = client.videos.generations.create(model="seedance-2", prompt="second", seed=2)
            control.finish(done.id)
            control.arm("create", "delay", seconds=60, times=2)
            killer = threading.Thread(target=kill_when_it_has, args=(running, 3))
            killer.start()
            with pytest.raises(TchaviError) as caught:
                client.videos.generations.create(model="seedance-2", prompt="third", seed=3)
        assert caught.value.outcome_unknown is True
        killer.join()
        running.start()
        assert running.port == port
        facts = running.control.jobs()
        assert [(one.seed, one.status, one.charged_credits, one.refunded_credits) for one in facts] == [
            (1, "failed", 1300, 1300),
            (2, "completed", 1300, None),
            (3, "pending", 1300, None),
        ]
        assert running.control.audit().balance_credits == 2_400
        with client_of(running) as client:
            page = client.jobs.list_page()
            assert page.response.requests_per_minute_limit == 77
            assert client.download(done.id, tmp_path / "done.mp4").stat().st_size > 10_000
        # The second armed delay has outlived the kill.
        with client_of(running, timeout_seconds=0.2) as client, pytest.raises(APITimeoutError):
            client.videos.generations.create(model="seedance-2", prompt="fourth", seed=4)
        assert [entry.fault for entry in running.control.requests("create")] == ["", "", "delay", "delay"]
        assert running.stop() == 0


def kill_when_it_has(running: RunningUpstream, count: int) -> None:
    journal = running.folder / "upstream.jsonl"
    wait_for(
        lambda: journal.read_text().count('"created": true') == count,
        seconds=WITHIN_SECONDS,
        what="the requests to be committed",
    )
    running.kill()


def test_partial_journal_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = b'{"event": "advance", "at": 0, "seconds": 5}\n'
    path.write_bytes(whole + b'{"event": "adv')
    journal = Journal(path)
    assert journal.past == [{"event": "advance", "at": 0, "seconds": 5}]
    journal.write({"event": "disarm", "at": 1})
    journal.close()
    assert path.read_bytes() == whole + b'{"event": "disarm", "at": 1}\n'


def test_journal_restores_the_upstream(tmp_path: Path) -> None:
    now = [1_000.0]
    journal = Journal(tmp_path / "journal.jsonl")
    settings = Settings(job_seconds=(5, 60), failure_rate=0.3)

    def ask(upstream: Upstream) -> list[tuple[int, bytes]]:
        replies = []
        for number in range(100):
            now[0] += 1
            body = json.dumps({"model": "seedance-2", "prompt": "x", "seed": number}).encode()
            headers = {name.lower(): value for name, value in KEY.items()}
            for request in (
                Request(method="POST", target="/v1/videos/generations", headers=headers, body=body),
                Request(method="GET", target="/v1/jobs?limit=50", headers=headers),
            ):
                reply = upstream.handle(request)
                replies.append((reply.status, reply.body))
        return replies

    upstream = Upstream(lambda: now[0], 5, settings=settings, odds=ROUGH_WEATHER, clip=b"video", journal=journal.write)
    ask(upstream)
    with contextlib.closing(Journal(tmp_path / "journal.jsonl")) as kept:
        again = Upstream(lambda: now[0], 5, settings=settings, clip=b"video", past=kept.past)
    assert (again.jobs(), again.books, again.audit()) == (upstream.jobs(), upstream.books, upstream.audit())
    then = now[0]
    rest = ask(upstream)
    now[0] = then
    assert ask(again) == rest
    journal.close()


# Load


def test_many_connections(tmp_path: Path) -> None:
    """80 ms of latency on 25 connections: 200 requests are 8 rounds, so little more than 0.64 s."""
    with RunningUpstream(tmp_path, latency_seconds=0.08, requests_per_minute=10**6) as running:

        async def ask(count: int) -> None:
            async with AsyncTchavi(
                api_key=running.api_key, base_url=running.base_url, transport=httpx.AsyncHTTPTransport(verify=False)
            ) as client:
                for _ in range(count):
                    await client.jobs.list_page(limit=50)

        async def everybody() -> None:
            await asyncio.gather(*(ask(8) for _ in range(25)))

        began = time.monotonic()
        asyncio.run(everybody())
        took_seconds = time.monotonic() - began
        assert running.control.audit().job_count == 0
        assert len(running.control.requests("list")) == 200
        assert 0.64 <= took_seconds < 5
