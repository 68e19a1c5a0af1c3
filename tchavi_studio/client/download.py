"""Downloading a finished clip, to a file that appears only when it is complete."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import httpx

from tchavi_studio.client.connection import Connection
from tchavi_studio.client.effects import Flow, Send, Sleep
from tchavi_studio.client.errors import (
    DownloadError,
    JobFailedError,
    JobNotFinishedError,
    TchaviError,
    UnreadableAnswerError,
)
from tchavi_studio.client.mp4 import mp4_problem
from tchavi_studio.client.pacing import backoff_seconds
from tchavi_studio.client.results import Job, VideoOutput

MAX_DOWNLOAD_BYTES = 2 * 1024**3
DOWNLOAD_TIMEOUT_SECONDS = 600.0


class Download:
    """One clip on its way to `target`. `deadline` is in the clock's monotonic seconds."""

    def __init__(
        self,
        connection: Connection,
        retrieve_job: Callable[[str], Flow[Job]],
        target: Path,
        *,
        deadline: float,
        max_bytes: int,
    ) -> None:
        self._connection = connection
        self._clock = connection.clock
        self._retrieve_job = retrieve_job
        self._target = target
        self._deadline = deadline
        self._max_bytes = max_bytes

    def run(self, job_or_id: Job | str) -> Flow[Path]:
        """Download the clip, with a fresh link if its own has expired, and try again where that may help."""
        output, job_id = yield from self._fresh_output(job_or_id)
        part = self._target.with_name(f".{self._target.name}.{uuid.uuid4().hex[:8]}.part")
        may_refresh = True
        attempt = 0
        try:
            while True:
                try:
                    yield from self._fetch(output, part)
                    part.replace(self._target)
                    return self._target
                except _LinkExpired as error:
                    if not may_refresh:
                        raise DownloadError(str(error)) from error
                    may_refresh = False
                    output, _ = yield from self._fresh_output(job_id)
                    continue
                except _Broken as error:
                    pause = backoff_seconds(attempt, chance=self._clock.chance())
                    late = self._clock.monotonic_seconds() + pause > self._deadline
                    if late or attempt >= self._connection.max_retries:
                        raise DownloadError(f"The clip of job {job_id} could not be fetched: {error}.") from error
                yield Sleep(pause)
                attempt += 1
        except TchaviError as error:
            error.job_id = job_id
            raise
        finally:
            part.unlink(missing_ok=True)

    def _fresh_output(self, job_or_id: Job | str) -> Flow[tuple[VideoOutput, str]]:
        """The output of a completed job with a link that hasn't expired, asking the server if need be."""
        job = job_or_id if isinstance(job_or_id, Job) else (yield from self._retrieve_job(job_or_id))
        if isinstance(job_or_id, Job) and not job.is_failed and not self._is_fetchable(job):
            job = yield from self._retrieve_job(job.id)
        if job.is_failed:
            raise JobFailedError(job)
        if not job.is_completed:
            raise JobNotFinishedError(job)
        if job.output is None or not job.output.video_url:
            error = UnreadableAnswerError(f"Job {job.id} is completed, but the server gave no video URL.")
            error.job_id = job.id
            raise error
        return job.output, job.id

    def _is_fetchable(self, job: Job) -> bool:
        if not job.is_completed or job.output is None or not job.output.video_url:
            return False
        return job.output.url_expires_at is None or job.output.url_expires_at > self._clock.now()

    def _fetch(self, output: VideoOutput, part: Path) -> Flow[None]:
        with part.open("w+b") as file:

            def keep(chunk: bytes) -> None:
                if file.tell() + len(chunk) > self._max_bytes:
                    raise DownloadError(f"The clip is larger than {self._max_bytes:,} bytes.")
                if self._clock.monotonic_seconds() > self._deadline:
                    raise DownloadError("The clip did not arrive in the time given.")
                file.write(chunk)

            try:
                request = self._connection.media_request(output.video_url)
                # The URL itself is signed, and so a secret: messages name only the host.
                host = request.url.host
                response: httpx.Response = yield Send(request, keep, follow_redirects=True)
            except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
                raise DownloadError("The server gave a video URL that isn't an http(s) URL.") from error
            except httpx.HTTPError as error:
                raise _Broken(f"the connection to {host} failed ({type(error).__name__})") from error
            status = response.status_code
            if status in (401, 403, 404, 410):
                raise _LinkExpired(f"{host} answered {status} for the clip, also with a fresh link.")
            if status != 200:
                raise _Broken(f"{host} answered {status}")
            problem = _file_problem(file, response, output)
            if problem:
                raise _Broken(problem)


class _Broken(Exception):
    """This attempt to download the clip failed; another may not."""


class _LinkExpired(Exception):
    """The clip's URL is no longer (or not) valid."""


def _file_problem(file: BinaryIO, response: httpx.Response, output: VideoOutput) -> str:
    """What is wrong with the downloaded file; "" if it is the complete clip."""
    byte_count = file.tell()
    # If the body was compressed, Content-Length isn't the size of the file.
    promised = "" if "content-encoding" in response.headers else response.headers.get("content-length", "")
    if promised.isdecimal() and int(promised) != byte_count:
        return f"{byte_count:,} of {int(promised):,} bytes arrived"
    size_mb = output.file_size_mb
    if not promised and size_mb is not None:
        # The only other figure there is. It is rounded, and a megabyte may be 10⁶ or 2²⁰ bytes.
        min_bytes, max_bytes = (size_mb - 0.1) * 0.95 * 1000**2, (size_mb + 0.1) * 1.05 * 1024**2
        if not min_bytes <= byte_count <= max_bytes:
            return f"{byte_count:,} bytes arrived where {size_mb:g} MB were announced"
    return mp4_problem(file, byte_count=byte_count)
