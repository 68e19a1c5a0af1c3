"""The `tchavi` command: in this process with a fake clock, or as a real process."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tchavi_studio.client import Job, Tchavi, command
from tchavi_studio.generations.models import Generation
from tests.live_api import LiveApi

# The client sees only the server's answers, which tests/api checks on every database.
pytestmark = pytest.mark.one_database


class Stream(io.StringIO):
    """A stream that may claim to be a terminal."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@dataclass
class Shell:
    """Runs the command with a fake clock, and captures its output."""

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
def tchavi(api: LiveApi, hours: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    hours.meanwhile = api.work
    return Shell({"api_key": api.api_key, "base_url": api.base_url}, hours)


def told(text: str) -> str:
    """The command's output, with variable ids replaced."""
    return re.sub(r"req_[0-9a-f]{24}", "req_1", re.sub(r"job_[0-9a-f]{32}", "job_1", text))


def write_picture(path: Path) -> Path:
    Image.new("RGB", (640, 480), "teal").save(path)
    return path


def test_generate_writes_the_clip_and_its_path(tchavi: Shell, api: LiveApi, tmp_path: Path) -> None:
    assert tchavi("generate", "A paper boat", "-o", "boat.mp4") == 0
    assert tchavi.out == "boat.mp4\n"
    assert told(tchavi.err) == "job_1: pending\njob_1: processing\njob_1: completed\njob_1: 1,300 credits\n"
    assert (tmp_path / "boat.mp4").read_bytes() == api.clip
    assert api.requests[0].json == {"model": "seedance-2", "prompt": "A paper boat"}


def test_generate_passes_on_every_option(tchavi: Shell, api: LiveApi, tmp_path: Path) -> None:
    write_picture(tmp_path / "first.png")
    options = (
        "--model kling-v3 --image first.png --last-frame first.png "
        "--duration 7 --resolution 720p --aspect-ratio 9:16 --no-audio --seed 0 --idempotency-key boat-1"
    )
    assert tchavi("generate", "A paper boat", *options.split()) == 0
    assert told(tchavi.out) == "job_1.mp4\n"
    assert api.paths()[:3] == ["POST /files", "POST /files", "POST /videos/generations"]
    request = api.requests[2]
    assert request.headers["idempotency-key"] == "boat-1"
    sent = request.json
    assert {name: value for name, value in sent.items() if not name.endswith("_url")} == {
        "model": "kling-v3",
        "prompt": "A paper boat",
        "duration": 7,
        "resolution": "720p",
        "aspect_ratio": "9:16",
        "generate_audio": False,
        "seed": 0,
    }
    assert sent["image_url"].startswith(f"{api.origin}/media/")
    assert sent["last_frame_image_url"].startswith(f"{api.origin}/media/")


def test_generate_takes_references_of_every_kind(tchavi: Shell) -> None:
    bodies: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(402, json={"error": {"message": "No."}})

    options = (
        "--reference-video https://x/1.mp4 --reference-video https://x/2.mp4 --reference-audio https://x/1.mp3 "
        "--reference-image https://x/1.png"
    )
    assert tchavi("generate", "x", *options.split(), transport=httpx.MockTransport(answer)) == 4
    assert bodies == [
        {
            "model": "seedance-2",
            "prompt": "x",
            "reference_images": ["https://x/1.png"],
            "reference_videos": ["https://x/1.mp4", "https://x/2.mp4"],
            "reference_audios": ["https://x/1.mp3"],
        }
    ]


@pytest.mark.parametrize("words", [["--duration", "auto"], ["--duration", "-1"], ["--duration=-1"]])
def test_duration_auto(tchavi: Shell, api: LiveApi, words: list[str]) -> None:
    api.is_working = False
    assert tchavi("generate", "A paper boat", *words, "--timeout", "1") == 7
    assert api.requests[0].json["duration"] == -1


def test_progress_is_one_line_on_a_terminal(tchavi: Shell) -> None:
    tchavi("generate", "A paper boat", is_terminal=True)
    shown = re.sub(r"\d:\d\d", "0:00", told(tchavi.err))
    drawn = list(dict.fromkeys(shown.split("\r\x1b[K")))
    assert drawn == [
        "",
        "job_1: pending · 0:00",
        "job_1: processing · 0:00",
        "job_1: completed · 0:00",
        "job_1: 1,300 credits\n",
    ]


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
    ("argv", "code", "message"),
    [
        (
            ["generate", "[fail]"],
            1,
            "Job job_1 failed: The prompt was refused by the model (content_policy). 1,300 credits were refunded. "
            "Fix what the message names, and try again.",
        ),
        (
            ["generate", "x", "--duration", "99"],
            2,
            "The duration must be a whole number of seconds from 1 to 15, or −1 for auto. Nothing was created and no "
            "credits moved. (400 invalid_request, request req_1) Nothing was charged. "
            "Correct the request and try again.",
        ),
        (
            ["generate", "x", "--image", "gone.png"],
            2,
            "image_url: 'gone.png' is neither an http(s) URL nor a file on this machine.",
        ),
        (["generate", "x", "-o", "gone/boat.mp4"], 2, "{tmp}/gone isn't a directory you can write to."),
        (["generate", "x", "-o", "."], 2, ". is a directory. Give the name of a file."),
        (["jobs", "--limit", "0"], 2, "limit must be at least 1."),
        (
            ["fetch", "job_999"],
            2,
            "This key has no such job. A key only sees jobs that it started. "
            "(404 not_found, request req_1) See your jobs with: tchavi jobs",
        ),
        (
            ["generate", "x", "--duration", "15", "--resolution", "720p"],
            4,
            "This needs 8,700 credits, but the wallet holds only 7,400. No credits moved. "
            "(402 insufficient_credits, request req_1) "
            "Nothing was charged. Add credits, or ask for a shorter clip or 480p.",
        ),
        (
            ["generate", "[wait]", "--timeout", "1"],
            7,
            "Job job_1 is still pending after 1 s. It goes on and stays charged. Ask for it again by its id. "
            "Fetch it later with: tchavi fetch job_1 -o job_1.mp4",
        ),
    ],
)
def test_each_error_is_one_line_with_advice(
    tchavi: Shell, api: LiveApi, tmp_path: Path, argv: list[str], code: int, message: str
) -> None:
    if code == 4:
        api.add_job(duration=-1, resolution="480p")  # 2,600
    api.is_working = "[wait]" not in argv
    assert tchavi(*argv) == code
    assert told(tchavi.err).splitlines()[-1] == f"tchavi: {message.format(tmp=tmp_path)}"
    assert tchavi.out == ""


def test_every_problem_of_a_refused_request_is_listed(tchavi: Shell) -> None:
    assert tchavi("generate", "x", "--duration", "99", "--resolution", "8k", "--seed", "-1") == 2
    line = told(tchavi.err)
    assert "2 more problems are listed in details." in line
    for name in ("duration", "resolution", "seed"):
        assert f" {name}: " in line


def test_a_rejected_key(tchavi: Shell) -> None:
    assert tchavi("credits", api_key="sk-tch_other") == 3
    assert told(tchavi.err) == (
        "tchavi: This API key is not known. No credits moved: check that it was copied whole. "
        "(401 invalid_api_key, request req_1) Check TCHAVI_API_KEY, and that TCHAVI_BASE_URL is "
        "the server it belongs to.\n"
    )


def test_an_unwritable_target_is_refused_before_the_charge(tchavi: Shell, api: LiveApi) -> None:
    tchavi("generate", "x", "-o", "gone/boat.mp4")
    assert api.requests == []


def test_without_a_key(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TCHAVI_API_KEY", raising=False)
    assert command.main(["credits"]) == 3
    assert capsys.readouterr() == (
        "",
        "tchavi: There is no API key. Set TCHAVI_API_KEY, or pass api_key=… "
        "Set your key: export TCHAVI_API_KEY=sk-tch_…\n",
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
            "Not this model. (403 model_not_allowed) Use a key that is allowed to do this, or another model.",
        ),
        (
            httpx.ConnectError("refused"),
            6,
            "POST /videos/generations: no answer from http://t: refused Try again in a moment.",
        ),
        (
            httpx.Response(502, json={"error": {"message": "Sorry\x1b[2J."}}),
            6,
            "Sorry [2J. (502) The request may have been accepted and charged. Look at `tchavi jobs` before you repeat "
            "it. A Studio makes no second clip if you repeat it with --idempotency-key boat-1",
        ),
        (
            KeyboardInterrupt(),
            130,
            "Interrupted while sending. The request may have been accepted and charged. Look at `tchavi jobs`.",
        ),
    ],
    ids=str,
)
def test_server_and_network_failures(tchavi: Shell, step: Any, code: int, message: str) -> None:
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


def test_help_lists_every_exit_code(tchavi: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    assert tchavi("--help") == 0
    shown = capsys.readouterr().out.partition("exit codes:")[2]
    codes = [int(line.split()[0]) for line in shown.splitlines() if line.strip()]
    assert codes == [code.value for code in command.ExitCode]


def test_fetch_waits_and_writes(tchavi: Shell, api: LiveApi, tmp_path: Path) -> None:
    assert tchavi("fetch", api.add_job(), "-o", "boat.mp4") == 0
    assert (tchavi.out, (tmp_path / "boat.mp4").read_bytes()) == ("boat.mp4\n", api.clip)


def test_the_server_cannot_choose_the_target_path(tchavi: Shell) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "cdn.example":
            return httpx.Response(500)
        output = {"video_url": "https://cdn.example/clip.mp4"}
        return httpx.Response(200, json={"id": "../../evil", "status": "completed", "output": output})

    assert tchavi("fetch", "job_1", base_url="http://t", transport=httpx.MockTransport(answer)) == 6
    assert tchavi.err.splitlines()[-1].endswith("Fetch it later with: tchavi fetch ../../evil -o ______evil.mp4")


def test_an_unwritable_disk(tchavi: Shell, api: LiveApi, tmp_path: Path) -> None:
    job_id = api.add_job()
    api.complete(job_id)
    (tmp_path / f"{job_id}.mp4").mkdir()
    assert tchavi("fetch", job_id) == 8
    line = told(tchavi.err).splitlines()[-1]
    assert line.startswith("tchavi: The clip couldn't be written: [Errno 21] Is a directory")
    assert line.endswith("Make room, then fetch it with: tchavi fetch job_1 -o job_1.mp4")


def test_jobs_are_listed_as_a_table_and_as_records_without_links(tchavi: Shell, api: LiveApi) -> None:
    done, waiting = api.add_job(), api.add_job(model="kling-v3", duration=10)
    api.complete(done)
    created = [generation.created_at.astimezone() for generation in Generation.objects.filter(workspace=api.workspace)]
    assert tchavi("jobs") == 0
    later, earlier = sorted(created, reverse=True)
    assert tchavi.out.splitlines() == [
        f"{'ID':36}  STATUS      MODEL       CREATED           CREDITS",
        f"{waiting}  processing  kling-v3    {later:%Y-%m-%d %H:%M}  2,600",
        f"{done}  completed   seedance-2  {earlier:%Y-%m-%d %H:%M}  1,300",
    ]
    assert tchavi("jobs", "--status", "completed", "--limit", "1", "--json") == 0
    (record,) = json.loads(tchavi.out)
    assert (record["id"], record["output"]["duration"]) == (done, 2.0)
    assert "video_url" not in record["output"]
    assert "/media/" not in tchavi.out


def test_missing_values_are_shown_as_dashes(tchavi: Shell) -> None:
    record = {"id": "job_1", "status": "pending", "model": "kling-v3"}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={"data": [record]}))
    assert tchavi("jobs", transport=transport) == 0
    assert tchavi.out == "ID     STATUS   MODEL     CREATED  CREDITS\njob_1  pending  kling-v3  -        -\n"


def test_credits(tchavi: Shell) -> None:
    assert tchavi("credits") == 0
    assert tchavi.out == "10,000 credits\n"


def test_credits_known_only_from_headers(tchavi: Shell) -> None:
    """Tchavi itself behaves like this."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/credits":
            return httpx.Response(404)
        return httpx.Response(200, json={"data": []}, headers={"X-Credits-Remaining": "50000"})

    assert tchavi("credits", transport=httpx.MockTransport(answer)) == 0
    assert tchavi.out == "50,000 credits\n"


def test_unknown_credits(tchavi: Shell) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={}))
    assert tchavi("credits", base_url="http://t", transport=transport) == 6
    assert tchavi.err == "tchavi: The server doesn't say how many credits are left.\n"


# As a real process


@dataclass
class Process:
    """Run the command in a separate process, as a shell would."""

    api: LiveApi
    folder: Path

    def start(self, *argv: str, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tchavi_studio.client.command", *argv],
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
            text=True,
            cwd=self.folder,
            # A shell that runs tests in the background has them ignore Ctrl+C; a person's terminal does not.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            env={
                **os.environ,
                "TCHAVI_API_KEY": self.api.api_key,
                "TCHAVI_BASE_URL": self.api.base_url,
                "PYTHONPATH": str(Path(command.__file__).parents[2]),
            },
        )


@pytest.fixture
def process(api: LiveApi, tmp_path: Path) -> Process:
    return Process(api, tmp_path)


def test_making_a_clip_shows_no_secret(process: Process, api: LiveApi, tmp_path: Path) -> None:
    with api.working(), process.start("generate", "A paper boat", "-o", "boat.mp4") as running:
        out, err = running.communicate(timeout=30)
    assert (running.returncode, out) == (0, "boat.mp4\n")
    assert told(err).splitlines()[0] == "job_1: pending"
    assert told(err).splitlines()[-2:] == ["job_1: completed", "job_1: 1,300 credits"]
    assert (tmp_path / "boat.mp4").read_bytes() == api.clip
    for secret in (api.api_key, "/media/", api.origin):
        assert secret not in out + err


def test_ctrl_c_while_waiting_says_the_job_continues(process: Process, tmp_path: Path) -> None:
    with process.start("generate", "A paper boat", "-o", "boat.mp4") as running:
        assert running.stderr is not None
        assert told(running.stderr.readline()) == "job_1: pending\n"
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=10)
    assert (running.returncode, out) == (130, "")
    assert told(err) == (
        "tchavi: Interrupted. Job job_1 goes on and stays charged. Fetch it with: tchavi fetch job_1 -o boat.mp4\n"
    )
    assert list(tmp_path.glob("*.mp4")) == []


def test_a_closed_pipe_is_not_an_error(process: Process, api: LiveApi) -> None:
    api.add_job()
    read_end, write_end = os.pipe()
    os.close(read_end)
    with process.start("jobs", stdout=write_end) as running:
        os.close(write_end)
        _, err = running.communicate(timeout=10)
    assert (running.returncode, err) == (0, "")
