"""The command `tchavi`, run in this process against the server."""

import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tchavi_studio.client import Job, Tchavi, command


class Stream(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@dataclass
class Shell:
    """Runs the command where time passes by sleeping only, and holds what it wrote."""

    options: dict[str, Any]
    hours: Any
    out: str = ""
    err: str = ""

    def __call__(self, *argv: str, is_terminal: bool = False, **options: Any) -> int:
        def open_client(*, sleep: Any) -> Tchavi:
            return Tchavi(**{**self.options, **options}, sleep=self.hours.sleep, clock=self.hours.clock)

        stdout, stderr = Stream(is_terminal), Stream(is_terminal)
        try:
            return command.run(argv, open_client=open_client, stdout=stdout, stderr=stderr)
        finally:
            self.out, self.err = stdout.getvalue(), stderr.getvalue()


@pytest.fixture
def tchavi(api_server: Any, hours: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    options = {"api_key": api_server.api_key, "base_url": api_server.base_url}
    return Shell(options, hours)


def test_generate_writes_the_clip_and_its_path(tchavi: Shell, api_server: Any, tmp_path: Path) -> None:
    assert tchavi("generate", "A paper boat", "-o", "boat.mp4") == 0
    assert tchavi.out == "boat.mp4\n"
    assert tchavi.err == "job_001: pending\njob_001: processing\njob_001: completed\njob_001: 1,300 credits\n"
    assert (tmp_path / "boat.mp4").read_bytes() == api_server.clip
    assert api_server.requests[0].json == {"model": "seedance-2", "prompt": "A paper boat"}


def test_generate_passes_every_option_on(tchavi: Shell, api_server: Any, tmp_path: Path) -> None:
    (tmp_path / "first.png").write_bytes(b"picture")
    options = (
        "--model kling-v3 --image first.png --last-frame https://x/l.png --reference-video https://x/1.mp4 "
        "--reference-video https://x/2.mp4 --reference-audio https://x/1.mp3 --reference-image https://x/1.png "
        "--duration 7 --resolution 720p --aspect-ratio 9:16 --no-audio --seed 0 --idempotency-key boat-1"
    )
    assert tchavi("generate", "A paper boat", *options.split()) == 0
    assert tchavi.out == "job_001.mp4\n"
    request = api_server.requests[1]
    assert request.headers["idempotency-key"] == "boat-1"
    assert request.json == {
        "model": "kling-v3",
        "prompt": "A paper boat",
        "duration": 7,
        "resolution": "720p",
        "aspect_ratio": "9:16",
        "generate_audio": False,
        "seed": 0,
        "image_url": f"{api_server.origin}/files/first.png",
        "last_frame_image_url": "https://x/l.png",
        "reference_images": ["https://x/1.png"],
        "reference_videos": ["https://x/1.mp4", "https://x/2.mp4"],
        "reference_audios": ["https://x/1.mp3"],
    }


@pytest.mark.parametrize("words", [["--duration", "auto"], ["--duration", "-1"], ["--duration=-1"]])
def test_a_duration_of_the_models_choice(tchavi: Shell, api_server: Any, words: list[str]) -> None:
    assert tchavi("generate", "A paper boat", *words) == 2  # this server has no auto duration
    assert api_server.requests[0].json["duration"] == -1


def test_on_a_terminal_the_progress_is_one_line(tchavi: Shell) -> None:
    tchavi("generate", "A paper boat", is_terminal=True)
    assert tchavi.err == (
        "\r\x1b[Kjob_001: pending · 0:00\r\x1b[Kjob_001: processing · 0:00\r\x1b[Kjob_001: completed · 0:00\r\x1b[K"
        "job_001: 1,300 credits\n"
    )


def test_the_elapsed_time_moves_while_the_client_sleeps(hours: Any) -> None:
    stream = Stream(is_terminal=True)
    progress = command.Progress(stream, monotonic_seconds=lambda: hours.elapsed_seconds + 59, pause=hours.sleep)
    hours.elapsed_seconds = 1
    progress.update(Job(id="job_1", status="process\x1b[2Jing"))
    progress.sleep(1.25)
    assert hours.sleeps == [0.5, 0.5, 0.25]
    line = "\r\x1b[Kjob_1: process [2Jing · "
    assert stream.getvalue() == f"{line}0:01{line}0:01{line}0:02"


@pytest.mark.parametrize(
    ("argv", "facts", "code", "message"),
    [
        (
            ["generate", "[fail]"],
            {},
            1,
            "Job job_001 failed: The prompt was refused by the model (content_policy). 1,300 credits were refunded. "
            "Change what it complains about and try again.",
        ),
        (
            ["generate", "x", "--duration", "99", "--resolution", "8k"],
            {},
            2,
            "The request has problems. (400 invalid_request, request req_1): duration: must be 1 to 15 or -1 "
            "resolution: must be 480p or 720p Nothing was charged. Correct the request and try again.",
        ),
        (
            ["generate", "x", "--image", "gone.png"],
            {},
            2,
            "image_url: 'gone.png' is neither an http(s) URL nor a file on this machine.",
        ),
        (["generate", "x", "-o", "gone/boat.mp4"], {}, 2, "{tmp}/gone is no directory that can be written to."),
        (["generate", "x", "-o", "."], {}, 2, ". is a directory: give the name of a file."),
        (["jobs", "--limit", "0"], {}, 2, "limit must be at least 1."),
        (
            ["fetch", "job_999"],
            {},
            2,
            "There is no job job_999. (404 not_found, request req_1) See your jobs with: tchavi jobs",
        ),
        (
            ["credits"],
            {"api_key": "sk-tch_other"},
            3,
            "Unknown key Bearer sk-tch_.... (401 invalid_api_key, request req_1) "
            "Check TCHAVI_API_KEY, and that TCHAVI_BASE_URL is its server.",
        ),
        (
            ["generate", "x"],
            {"balance": 10},
            4,
            "1,300 credits are needed, 10 are left. (402 insufficient_credits, request req_1) "
            "Nothing was charged. Add credits, or ask for a shorter clip or 480p.",
        ),
        (
            ["generate", "x", "--timeout", "5"],
            {"looks_per_state": 9},
            7,
            "Job job_001 is still pending after 5 s. It goes on, and so does its charge: ask for it again by its id. "
            "Fetch it later with: tchavi fetch job_001 -o job_001.mp4",
        ),
    ],
)
def test_each_error_is_one_line_with_what_to_do(
    tchavi: Shell, api_server: Any, tmp_path: Path, argv: list[str], facts: dict[str, Any], code: int, message: str
) -> None:
    for name, value in facts.items():
        if name != "api_key":
            setattr(api_server, name, value)
    options = {"api_key": facts["api_key"]} if "api_key" in facts else {}
    assert tchavi(*argv, **options) == code
    assert tchavi.err.splitlines()[-1] == f"tchavi: {message.format(tmp=tmp_path)}"
    assert tchavi.out == ""


def test_nothing_is_bought_for_a_place_that_can_not_be_written(tchavi: Shell, api_server: Any) -> None:
    tchavi("generate", "x", "-o", "gone/boat.mp4")
    assert api_server.requests == []


def test_without_a_key(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TCHAVI_API_KEY", raising=False)
    assert command.main(["credits"]) == 3
    assert capsys.readouterr() == (
        "",
        "tchavi: There is no API key: set TCHAVI_API_KEY, or give api_key=… "
        "Put your key into the environment: export TCHAVI_API_KEY=sk-tch_…\n",
    )


@pytest.mark.parametrize(
    ("step", "code", "message"),
    [
        (
            httpx.Response(429, headers={"Retry-After": "90"}, json={"error": {"message": "Too many."}}),
            5,
            "Too many. (429) Nothing was charged. Try again in 90 s.",
        ),
        (
            httpx.Response(403, json={"error": {"message": "Not this model.", "code": "model_not_allowed"}}),
            3,
            "Not this model. (403 model_not_allowed) Use a key that may do this, or another model.",
        ),
        (
            httpx.ConnectError("refused"),
            6,
            "POST /videos/generations: no answer from http://t: refused Try again in a moment.",
        ),
        (
            httpx.Response(502, json={"error": {"message": "Sorry\x1b[2J."}}),
            6,
            "Sorry [2J. (502) The request may have been accepted and charged: look at `tchavi jobs` before you repeat "
            "it. A Studio makes no second clip if you repeat it with --idempotency-key boat-1",
        ),
        (
            KeyboardInterrupt(),
            130,
            "Interrupted while sending. The request may have been accepted and charged: look at `tchavi jobs`.",
        ),
    ],
    ids=str,
)
def test_servers_and_networks_that_fail(tchavi: Shell, step: Any, code: int, message: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if isinstance(step, BaseException):
            raise step
        return httpx.Response(step.status_code, headers=step.headers, content=step.content)

    transport = httpx.MockTransport(answer)
    argv = ["generate", "x", "--idempotency-key", "boat-1"]
    assert tchavi(*argv, base_url="http://t", transport=transport) == code
    assert tchavi.err == f"tchavi: {message}\n"


@pytest.mark.parametrize("argv", [[], ["dream"], ["generate"], ["generate", "x", "--duration", "long"]])
def test_wrong_usage(tchavi: Shell, argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert tchavi(*argv) == 2
    assert capsys.readouterr().err.startswith("usage: tchavi")


def test_help_names_every_exit_code(tchavi: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    assert tchavi("--help") == 0
    shown = capsys.readouterr().out.partition("exit codes:")[2]
    codes = [int(line.split()[0]) for line in shown.splitlines() if line.strip()]
    assert codes == [code.value for code in command.ExitCode]


def test_fetch_waits_and_writes(tchavi: Shell, api_server: Any, tmp_path: Path) -> None:
    job_id = api_server.add_job(prompt="A paper boat")
    assert tchavi("fetch", job_id, "-o", "boat.mp4") == 0
    assert (tchavi.out, (tmp_path / "boat.mp4").read_bytes()) == ("boat.mp4\n", api_server.clip)


def test_a_server_does_not_choose_where_we_write(tchavi: Shell) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "cdn.example":
            return httpx.Response(500)
        output = {"video_url": "https://cdn.example/clip.mp4"}
        return httpx.Response(200, json={"id": "../../evil", "status": "completed", "output": output})

    assert tchavi("fetch", "job_1", base_url="http://t", transport=httpx.MockTransport(answer)) == 6
    assert tchavi.err.splitlines()[-1].endswith("Fetch it later with: tchavi fetch ../../evil -o ______evil.mp4")


def test_a_disk_that_refuses(tchavi: Shell, api_server: Any, tmp_path: Path) -> None:
    job_id = api_server.add_job()
    api_server.complete(job_id)
    (tmp_path / f"{job_id}.mp4").mkdir()
    assert tchavi("fetch", job_id) == 8
    assert tchavi.err.splitlines()[-1].startswith("tchavi: The clip could not be written: [Errno 21] Is a directory")
    assert tchavi.err.endswith("Make room, then fetch it with: tchavi fetch job_001 -o job_001.mp4\n")


def test_jobs_are_listed_as_a_table(tchavi: Shell, api_server: Any) -> None:
    done, _ = api_server.add_job(), api_server.add_job(model="kling-v3", created_at=None, tchavi={})
    api_server.complete(done)
    created = datetime(2026, 3, 1, 12, 0, tzinfo=UTC).astimezone()
    assert tchavi("jobs") == 0
    assert tchavi.out == (
        "ID       STATUS     MODEL       CREATED           CREDITS\n"
        "job_002  pending    kling-v3    -                 -\n"
        f"job_001  completed  seedance-2  {created:%Y-%m-%d %H:%M}  1,300\n"
    )
    assert tchavi("jobs", "--status", "completed", "--limit", "1", "--json") == 0
    assert json.loads(tchavi.out) == [api_server.jobs[done]]


@pytest.mark.parametrize("is_studio", [True, False])
def test_credits(tchavi: Shell, api_server: Any, is_studio: bool) -> None:
    """Tchavi has no such call; its headers say it."""
    api_server.is_studio = is_studio
    assert tchavi("credits") == 0
    assert tchavi.out == "50,000 credits\n"


def test_credits_that_nobody_tells(tchavi: Shell) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={}))
    assert tchavi("credits", base_url="http://t", transport=transport) == 6
    assert tchavi.err == "tchavi: The server does not say how many credits are left.\n"


def test_ctrl_c_while_waiting_says_that_the_job_goes_on(api_server: Any, tmp_path: Path) -> None:
    """The real thing: a process of its own, a real signal."""
    api_server.looks_per_state = 1000
    process = subprocess.Popen(
        [sys.executable, "-m", "tchavi_studio.client.command", "generate", "A paper boat", "-o", "boat.mp4"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={
            **os.environ,
            "TCHAVI_API_KEY": api_server.api_key,
            "TCHAVI_BASE_URL": api_server.base_url,
            "PYTHONPATH": str(Path(command.__file__).parents[2]),
        },
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "job_001: pending\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=5)
    assert (process.returncode, out) == (130, "")
    assert err == (
        "tchavi: Interrupted. Job job_001 goes on, and so does its charge. "
        "Fetch it with: tchavi fetch job_001 -o boat.mp4\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_is_no_error(api_server: Any) -> None:
    api_server.add_job()
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "tchavi_studio.client.command", "jobs"],
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env={
            **os.environ,
            "TCHAVI_API_KEY": api_server.api_key,
            "TCHAVI_BASE_URL": api_server.base_url,
            "PYTHONPATH": str(Path(command.__file__).parents[2]),
        },
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, "")
