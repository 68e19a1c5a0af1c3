"""Make clips, download them, list jobs and see your credits, from a terminal.

The key comes from TCHAVI_API_KEY, the server from TCHAVI_BASE_URL. Results go to stdout, everything else to stderr.

Exit codes:
    0  done
    1  the job failed (the server refunds its credits)
    2  wrong usage, or the server refused the request as invalid
    3  no API key, or one that isn't allowed to do this
    4  not enough credits
    5  too many requests
    6  the server or the network failed
    7  the job isn't finished yet, and goes on
    8  the clip couldn't be written here
  130  interrupted; an accepted job goes on
"""

import argparse
import json
import os
import re
import shlex
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Protocol, TextIO

from tchavi_studio.client.client import Tchavi
from tchavi_studio.client.errors import (
    APIError,
    AuthenticationError,
    InsufficientCreditsError,
    InvalidRequestError,
    JobFailedError,
    JobNotFinishedError,
    JobTimeoutError,
    MissingKeyError,
    NotFoundError,
    NotOfferedError,
    PermissionDeniedError,
    RateLimitError,
    TchaviError,
    UsageError,
)
from tchavi_studio.client.flows import WAIT_TIMEOUT_SECONDS
from tchavi_studio.client.records import JobStatus
from tchavi_studio.client.results import Job

DEFAULT_MODEL = "seedance-2"
_REDRAW_SECONDS = 0.5


class ExitCode(IntEnum):
    """The exit codes in the module's docstring and `--help`, by name."""

    DONE = 0
    JOB_FAILED = 1
    USAGE = 2
    AUTHENTICATION = 3
    CREDITS = 4
    RATE_LIMIT = 5
    SERVER = 6
    NOT_FINISHED = 7
    DISK = 8
    INTERRUPTED = 130


_ANSWERS: tuple[tuple[type[TchaviError], ExitCode, str], ...] = (
    (MissingKeyError, ExitCode.AUTHENTICATION, "Set your key: export TCHAVI_API_KEY=sk-tch_…"),
    (
        AuthenticationError,
        ExitCode.AUTHENTICATION,
        "Check TCHAVI_API_KEY, and that TCHAVI_BASE_URL is the server it belongs to.",
    ),
    (PermissionDeniedError, ExitCode.AUTHENTICATION, "Use a key that is allowed to do this, or another model."),
    (
        InsufficientCreditsError,
        ExitCode.CREDITS,
        "Nothing was charged. Add credits, or ask for a shorter clip or 480p.",
    ),
    (RateLimitError, ExitCode.RATE_LIMIT, "Nothing was charged. Try again later."),
    (NotFoundError, ExitCode.USAGE, "See your jobs with: tchavi jobs"),
    (NotOfferedError, ExitCode.USAGE, ""),
    (InvalidRequestError, ExitCode.USAGE, "Nothing was charged. Correct the request and try again."),
    (UsageError, ExitCode.USAGE, ""),
    (JobFailedError, ExitCode.JOB_FAILED, "Fix what the message names, and try again."),
    (JobNotFinishedError, ExitCode.NOT_FINISHED, ""),
    (JobTimeoutError, ExitCode.NOT_FINISHED, ""),
    (TchaviError, ExitCode.SERVER, "Try again in a moment."),
)


class OpenClient(Protocol):
    """Opens the client: `Tchavi` itself, or a test's."""

    def __call__(self, *, sleep: Callable[[float], None]) -> Tchavi: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv` (by default the process's own arguments) and return its exit code."""
    try:
        return run(argv, open_client=Tchavi, stdout=sys.stdout, stderr=sys.stderr)
    except BrokenPipeError:
        # The reader went away, as in `tchavi jobs | head`. That is no error, but Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE


def run(argv: Sequence[str] | None, *, open_client: OpenClient, stdout: TextIO, stderr: TextIO) -> int:
    """`main`, with its surroundings as arguments."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as leaving:  # argparse has said why, or printed the help
        return leaving.code if isinstance(leaving.code, int) else ExitCode.USAGE
    progress = Progress(stderr)
    terminal = Terminal(stdout, stderr, progress)
    try:
        with open_client(sleep=progress.sleep) as client:
            return _COMMANDS[arguments.command](client, arguments, terminal)
    except TchaviError as error:
        return terminal.refuse(error)
    except BrokenPipeError:
        raise
    except OSError as error:
        terminal.say(f"tchavi: The clip couldn't be written: {error}.")
        return ExitCode.DISK
    except KeyboardInterrupt:
        terminal.say("tchavi: Interrupted.")
        return ExitCode.INTERRUPTED


class Progress:
    """One line on stderr that is redrawn on a terminal, and plain lines, one per status, where it is not one."""

    def __init__(
        self,
        stream: TextIO,
        *,
        monotonic_seconds: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._clock = monotonic_seconds
        self._pause = pause
        self._started = monotonic_seconds()
        self._text = ""

    def update(self, job: Job) -> None:
        self._text = f"{job.id}: {_printable(job.status)}"
        if self._is_terminal:
            self._draw()
        else:
            self._stream.write(f"{self._text}\n")
            self._stream.flush()

    def sleep(self, seconds: float) -> None:
        """Sleep as the client asks, and keep the elapsed time up to date meanwhile."""
        while self._is_terminal and self._text and seconds > _REDRAW_SECONDS:
            self._pause(_REDRAW_SECONDS)
            seconds -= _REDRAW_SECONDS
            self._draw()
        self._pause(seconds)

    def clear(self) -> None:
        """Remove the line, so that what follows starts on a clean one."""
        if self._is_terminal and self._text:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
        self._text = ""

    def _draw(self) -> None:
        minutes, seconds = divmod(int(self._clock() - self._started), 60)
        self._stream.write(f"\r\x1b[K{self._text} · {minutes}:{seconds:02}")
        self._stream.flush()


class Terminal:
    """Where results and messages go."""

    def __init__(self, stdout: TextIO, stderr: TextIO, progress: Progress) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self.progress = progress

    def result(self, text: str) -> None:
        self.progress.clear()
        self._stdout.write(f"{text}\n")
        self._stdout.flush()

    def say(self, text: str) -> None:
        self.progress.clear()
        self._stderr.write(f"{_printable(text)}\n")
        self._stderr.flush()

    def refuse(self, error: TchaviError, *, fetch: str = "") -> ExitCode:
        """Say in one line what went wrong and what to do. `fetch` is the command that fetches a job that goes on."""
        code, advice = next((code, advice) for kind, code, advice in _ANSWERS if isinstance(error, kind))
        if fetch and not isinstance(error, JobFailedError):
            advice = f"Fetch it later with: {fetch}"
        elif error.outcome_unknown:
            advice = (
                "The request may have been accepted and charged. Look at `tchavi jobs` before you repeat it. A Studio "
                f"makes no second clip if you repeat it with --idempotency-key {error.idempotency_key}"
            )
        elif isinstance(error, RateLimitError) and error.retry_after_seconds is not None:
            advice = f"Nothing was charged. Try again in {error.retry_after_seconds:.0f} s."
        problems = error.problems if isinstance(error, APIError) else ()
        listed = "".join(f" {problem.param or '-'}: {problem.message}" for problem in problems[:20])
        message = f"{error}{':' + listed if len(problems) > 1 else ''}"
        self.say(f"tchavi: {message.rstrip()} {advice}".rstrip())
        return code


def _generate(client: Tchavi, arguments: argparse.Namespace, terminal: Terminal) -> int:
    if arguments.output is not None:
        _check_directory(arguments.output)
    key = arguments.idempotency_key or str(uuid.uuid4())
    try:
        job = client.videos.generations.create(
            idempotency_key=key,
            model=arguments.model,
            prompt=arguments.prompt,
            duration=arguments.duration,
            resolution=arguments.resolution,
            aspect_ratio=arguments.aspect_ratio,
            generate_audio=False if arguments.no_audio else None,
            seed=arguments.seed,
            image_url=arguments.image,
            last_frame_image_url=arguments.last_frame,
            reference_images=arguments.reference_image,
            reference_videos=arguments.reference_video,
            reference_audios=arguments.reference_audio,
        )
    except KeyboardInterrupt:
        terminal.say(
            "tchavi: Interrupted while sending. The request may have been accepted and charged. Look at `tchavi jobs`."
        )
        return ExitCode.INTERRUPTED
    return _finish(client, job, arguments, terminal)


def _fetch(client: Tchavi, arguments: argparse.Namespace, terminal: Terminal) -> int:
    if arguments.output is not None:
        _check_directory(arguments.output)
    return _finish(client, client.jobs.retrieve(arguments.job), arguments, terminal)


def _finish(client: Tchavi, job: Job, arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Wait for `job` and write its clip. If that doesn't work out, say how to come back to it."""
    output = arguments.output or Path(re.sub(r"[^A-Za-z0-9_-]", "_", job.id) + ".mp4")
    fetch = f"tchavi fetch {shlex.quote(job.id)} -o {shlex.quote(str(output))}"
    try:
        done = client.jobs.wait(job, on_update=terminal.progress.update, timeout_seconds=arguments.timeout)
        path = client.download(done, output)
    except TchaviError as error:
        return terminal.refuse(error, fetch=fetch)
    except KeyboardInterrupt:
        terminal.say(f"tchavi: Interrupted. Job {job.id} goes on and stays charged. Fetch it with: {fetch}")
        return ExitCode.INTERRUPTED
    except OSError as error:
        terminal.say(f"tchavi: The clip couldn't be written: {error}. Make room, then fetch it with: {fetch}")
        return ExitCode.DISK
    if done.credits_used is not None:
        terminal.say(f"{job.id}: {done.credits_used:,} credits")
    terminal.result(str(path))
    return ExitCode.DONE


def _jobs(client: Tchavi, arguments: argparse.Namespace, terminal: Terminal) -> int:
    jobs = client.jobs.list(status=arguments.status, limit=arguments.limit)
    if arguments.json:
        terminal.result(json.dumps([_without_link(job) for job in jobs], indent=2))
        return ExitCode.DONE
    rows = [("ID", "STATUS", "MODEL", "CREATED", "CREDITS")]
    for job in jobs:
        created = job.created_at.astimezone().strftime("%Y-%m-%d %H:%M") if job.created_at else "-"
        used = "-" if job.credits_used is None else f"{job.credits_used:,}"
        rows.append((job.id, job.status, job.model, created, used))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (_printable(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
        terminal.result("  ".join(cells).rstrip())
    return ExitCode.DONE


def _without_link(job: Job) -> dict[str, object]:
    """The job's record without its `video_url`, with which anyone who reads a log could fetch the clip."""
    output = job.raw.get("output")
    if not isinstance(output, dict):
        return dict(job.raw)
    return {**job.raw, "output": {name: value for name, value in output.items() if name != "video_url"}}


def _credits(client: Tchavi, arguments: argparse.Namespace, terminal: Terminal) -> int:
    try:
        balance = client.credits.retrieve().balance_credits
    except NotOfferedError:
        # Tchavi itself has no such call, but every answer says it in its headers.
        balance = client.jobs.list_page(limit=1).response.credits_remaining
    if balance is None:
        terminal.say("tchavi: The server doesn't say how many credits are left.")
        return ExitCode.SERVER
    terminal.result(f"{balance:,} credits")
    return ExitCode.DONE


_COMMANDS: dict[str, Callable[[Tchavi, argparse.Namespace, Terminal], int]] = {
    "generate": _generate,
    "fetch": _fetch,
    "jobs": _jobs,
    "credits": _credits,
}


def _parser() -> argparse.ArgumentParser:
    description, _, exit_codes = (__doc__ or "").partition("Exit codes:")
    parser = argparse.ArgumentParser(
        prog="tchavi",
        description=description,
        epilog=f"exit codes:{exit_codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    generate = commands.add_parser("generate", help="make a clip, wait for it and save it")
    generate.add_argument("prompt", help="the scene and what happens in it")
    generate.add_argument("--model", default=DEFAULT_MODEL, help="seedance-2 or kling-v3 (default: %(default)s)")
    generate.add_argument("--image", metavar="FILE|URL", help="the first frame")
    generate.add_argument("--last-frame", metavar="FILE|URL", help="the last frame; needs --image")
    generate.add_argument("--reference-image", metavar="FILE|URL", action="append", help="up to 9; not with --image")
    generate.add_argument("--reference-video", metavar="FILE|URL", action="append", help="up to 3, 15 s in all")
    generate.add_argument("--reference-audio", metavar="FILE|URL", action="append", help="up to 3; needs an image")
    generate.add_argument("--duration", type=_duration, metavar="SECONDS", help="1 to 15, or auto (server: 5)")
    generate.add_argument("--resolution", metavar="480p|720p", help="(server: 480p)")
    generate.add_argument("--aspect-ratio", metavar="RATIO", help="16:9, 9:16, 1:1, 4:3, 3:4, adaptive (server: 16:9)")
    generate.add_argument("--no-audio", action="store_true", help="without a soundtrack")
    generate.add_argument("--seed", type=int, help="makes the result repeatable, as far as the model allows")
    generate.add_argument("--idempotency-key", metavar="KEY", help="a Studio answers the same key with the same job")
    _add_output(generate)

    fetch = commands.add_parser("fetch", help="wait for an earlier job and save its clip")
    fetch.add_argument("job", help="the job's id")
    _add_output(fetch)

    jobs = commands.add_parser("jobs", help="list jobs, newest first")
    jobs.add_argument("--status", choices=[status.value for status in JobStatus])
    jobs.add_argument("--limit", type=int, default=20, help="how many (default: %(default)s)")
    jobs.add_argument(
        "--json", action="store_true", help="the records as the server sent them, without the signed links"
    )

    commands.add_parser("credits", help="show the credits that are left")
    return parser


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where to write (default: <job id>.mp4)")
    parser.add_argument(
        "--timeout",
        type=float,
        default=WAIT_TIMEOUT_SECONDS,
        metavar="SECONDS",
        help="stop waiting after this long; the job goes on (default: %(default)g)",
    )


def _duration(text: str) -> int:
    return -1 if text == "auto" else int(text)


def _check_directory(output: Path) -> None:
    """Find out before paying if the clip couldn't be written."""
    if output.is_dir():
        raise UsageError(f"{output} is a directory. Give the name of a file.")
    if not os.access(output.absolute().parent, os.W_OK):
        raise UsageError(f"{output.absolute().parent} isn't a directory you can write to.")


def _printable(text: str) -> str:
    """`text` without control characters: what comes from a server must not control the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


if __name__ == "__main__":
    sys.exit(main())
