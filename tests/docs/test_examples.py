"""Run every example in the documentation against the real API."""

import json
import os
import re
import shutil
import subprocess
import sys
import wave
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from standardwebhooks.webhooks import Webhook

import tchavi_studio
from tchavi_studio.api.errors import REFUSALS
from tchavi_studio.api.idempotency import KEPT
from tests.live_api import LiveApi

ROOT = Path(tchavi_studio.__file__).parents[1]
PAGES = ["quickstart", "authentication", "jobs", "errors", "idempotency", "client", "command"]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SAME_EVERYWHERE = ("status", "code", "message", "param", "model", "kind")
"""Fields whose values must match the page; of the others only the types must."""


pytestmark = [pytest.mark.one_database, pytest.mark.processes]


@dataclass(frozen=True, kw_only=True)
class Example:
    """A runnable block; `shown` is the answer printed right after it on the page, if any."""

    language: str
    source: str
    shown: str = ""


def examples(page: str) -> list[Example]:
    """The runnable blocks of a page, in order."""
    blocks = FENCE.findall((ROOT / "docs" / f"{page}.md").read_text())
    followers = [*blocks[1:], ("", "")]
    return [
        Example(language=language, source=source, shown=follower[1] if follower[0] in ("json", "text") else "")
        for (language, source), follower in zip(blocks, followers, strict=True)
        if language in ("sh", "python", "js")
    ]


@dataclass
class Reader:
    """Runs a page's examples in order, in one folder."""

    api: LiveApi
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        commands = self.folder / "bin"
        commands.mkdir()
        tchavi = commands / "tchavi"
        tchavi.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tchavi_studio.client.command "$@"\n')
        tchavi.chmod(0o755)
        Image.new("RGB", (640, 480), "teal").save(self.folder / "first.png")
        with wave.open(str(self.folder / "voice.wav"), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(bytes(2 * 8000 * 3))
        self.environment = {
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            "TCHAVI_API_KEY": self.api.api_key,
            "TCHAVI_BASE_URL": self.api.base_url,
        }

    def run(self, example: Example) -> str:
        """Run the example, which must succeed, and return its output."""
        # Only a waiting clip can be cancelled, so no worker may run.
        self.api.is_working = "DELETE" not in example.source and ".cancel(" not in example.source
        if "JOB_ID" in example.source and not (self.api.is_working and "JOB_ID" in self.environment):
            self.environment["JOB_ID"] = self.api.add_job(duration=1)
        name = {"sh": "example.sh", "python": "example.py", "js": "example.mjs"}[example.language]
        (self.folder / name).write_text(example.source)
        program = {"sh": "bash", "python": sys.executable, "js": "node"}[example.language]
        done = subprocess.run(
            [program, *(["-eu"] if program == "bash" else []), name],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{example.source}\n{done.stdout}\n{done.stderr}"
        assert self.api.api_key not in done.stdout + done.stderr
        return done.stdout

    def try_out(self, example: Example) -> None:
        """Run the example and compare its output with the page."""
        answer = self.run(example)
        if example.shown.startswith("{"):
            body = json.loads(answer)
            assert_same_shape(json.loads(example.shown), body, at=example.source)
            if str(body.get("id", "")).startswith("job_"):
                self.environment["JOB_ID"] = body["id"]
            if "output" in body:
                self.environment["VIDEO_URL"] = body["output"]["video_url"]
        elif example.shown:
            assert plainly(answer) == plainly(example.shown), example.source


def assert_same_shape(shown: Any, answered: Any, *, at: str, name: str = "") -> None:
    """Compare fields and types recursively; of a list, only the first item."""
    if isinstance(shown, dict) and isinstance(answered, dict):
        assert shown.keys() == answered.keys(), at
        for key in shown:
            assert_same_shape(shown[key], answered[key], at=at, name=key)
    elif isinstance(shown, list) and isinstance(answered, list):
        assert bool(shown) == bool(answered), f"{name} in {at}"
        if shown:
            assert_same_shape(shown[0], answered[0], at=at, name=name)
    elif name in SAME_EVERYWHERE:
        assert shown == answered, f"{name} in {at}"
    else:
        number = (int, float)
        is_number = type(shown) in number and type(answered) in number
        assert is_number or type(shown) is type(answered), f"{name} in {at}"


def plainly(text: str) -> list[str]:
    """The lines, without ids, dates and padding, which vary from run to run."""
    text = re.sub(r"job_[0-9a-f]{32}", "job_…", text)
    text = re.sub(r"req_[0-9a-f]{24}", "req_…", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "when", text)
    return [re.sub(r" {2,}", "  ", line) for line in text.splitlines()]


@pytest.fixture
def reader(api: LiveApi, tmp_path: Path) -> Reader:
    folder = tmp_path / "reader"
    folder.mkdir()
    return Reader(api, folder)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page(reader: Reader, api: LiveApi, page: str) -> None:
    found = [example for example in examples(page) if example.language in ("sh", "python")]
    assert found
    with api.working():
        for example in found:
            reader.try_out(example)


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js here")
def test_the_javascript_examples(reader: Reader, api: LiveApi) -> None:
    found = [example for page in PAGES for example in examples(page) if example.language == "js"]
    assert found
    with api.working():
        for example in found:
            reader.try_out(example)


def test_the_python_webhook_receiver_rejects_forged_messages() -> None:
    (receiver,) = [example.source for example in examples("webhooks") if example.language == "python"]
    (message,) = [
        text for language, text in FENCE.findall((ROOT / "docs/webhooks.md").read_text()) if language == "json"
    ]
    fetched: list[str] = []
    names: dict[str, Any] = {"SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "fetch_later": fetched.append}
    exec(compile(receiver, "docs/webhooks.md", "exec"), names)
    body = message.replace("job.failed", "job.completed").encode()
    headers = signed(names["SECRET"], body)
    assert names["receive"](body, headers) == 204
    assert fetched == [json.loads(body)["data"]["id"]]
    assert names["receive"](body + b" ", headers) == 400


def signed(secret: str, body: bytes) -> dict[str, str]:
    now = datetime.now(UTC)
    signature = Webhook(secret).sign("msg_1", now, body.decode())
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }


def test_links_between_the_pages_work() -> None:
    for page in [*ROOT.glob("docs/**/*.md"), ROOT / "README.md"]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            if "/images/" not in f"/{target}":
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_api_error_is_documented() -> None:
    """docs/errors.md has every code that the API raises."""
    sources = "".join(path.read_text() for path in (ROOT / "tchavi_studio/api").glob("*.py"))
    raised = set(re.findall(r"ApiError\(\s*\d{3},\s*\"(\w+)\"", sources))
    raised |= set(re.findall(r"(?:too_many_requests|_refusal)\(\"(\w+)\"", sources))
    raised |= {code for _status, code in REFUSALS.values()}
    page = (ROOT / "docs/errors.md").read_text()
    assert len(raised) >= 16
    assert sorted(code for code in raised if f"`{code}`" not in page) == []


def test_the_idempotency_page_states_how_long_answers_are_kept() -> None:
    assert f"{KEPT.total_seconds() / 3600:.0f} hours" in (ROOT / "docs/idempotency.md").read_text()
