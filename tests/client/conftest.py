"""A small Tchavi on a real socket, a clock that never sleeps, and one way to run a scenario with either client."""

import asyncio
import json
import re
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from inspect import isawaitable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tchavi_studio.client import AsyncTchavi, Clock, Tchavi

API_KEY = "sk-tch_test_0123456789abcdef"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def make_mp4(payload: bytes = b"\x00" * 5000) -> bytes:
    """The smallest file with the structure of an MP4: ftyp, moov, mdat."""

    def box(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(content), name) + content

    return box(b"ftyp", b"isom\x00\x00\x02\x00isomiso2") + box(b"moov", b"\x00" * 40) + box(b"mdat", payload)


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: Message
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class ApiServer:
    """What a test sees of the server: where it is, what it was asked, and a few facts to set."""

    base_url: str = ""
    origin: str = ""
    api_key: str = API_KEY
    requests: list[Request] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    is_studio: bool = True
    balance: int = 50_000
    clip: bytes = field(default_factory=make_mp4)
    looks_per_state: int = 1
    rpm_limit: int = 120
    rpm_remaining: int = 119
    link_is_expired: Callable[[str], bool] = lambda signature: False

    def add_job(self, **facts: Any) -> str:
        job_id = f"job_{len(self.jobs) + 1:03}"
        self.jobs[job_id] = {
            "id": job_id,
            "status": "pending",
            "model": "seedance-2",
            "created_at": (START + timedelta(seconds=len(self.jobs))).isoformat(),
            "tchavi": {"credits_used": 1300},
            **facts,
        }
        return job_id

    def complete(self, job_id: str, *, signature: str = "1") -> None:
        self.jobs[job_id] |= {
            "status": "completed",
            "output": {
                "video_url": f"{self.origin}/media/{job_id}.mp4?signature={signature}",
                "duration": 5,
                "resolution": "480p",
                "file_size_mb": round(len(self.clip) / 1e6, 2),
                "url_expires_at": (START + timedelta(days=1)).isoformat(),
            },
        }

    def fail(self, job_id: str) -> None:
        self.jobs[job_id] |= {
            "status": "failed",
            "error": {"code": "content_policy", "message": "The prompt was refused by the model."},
            "tchavi": {"credits_used": 0, "credits_refunded": 1300},
        }

    def paths(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.requests]


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    looks: dict[str, int] = {}
    answered: dict[str, tuple[bytes, dict[str, Any]]] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def do_DELETE(self) -> None:
            self.answer()

        def answer(self) -> None:
            target = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(target.query).items()}
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            if target.path.startswith("/media/"):
                self.answer_media(query)
                return
            path = target.path.removeprefix("/v1")
            request = Request(self.command, path, query, self.headers, content)
            server.requests.append(request)
            if self.headers["authorization"] != f"Bearer {server.api_key}":
                self.refuse(401, "invalid_api_key", f"Unknown key {self.headers['authorization']}.")
                return
            route = f"{self.command} {re.sub('job_[0-9]+', '{id}', path)}"
            action = {
                "POST /videos/generations": self.create,
                "GET /jobs": self.list_jobs,
                "GET /jobs/{id}": self.show_job,
            } | (
                {
                    "DELETE /jobs/{id}": self.cancel,
                    "POST /files": self.store_file,
                    "GET /credits": lambda request: self.send(200, {"balance": server.balance, "book": "live"}),
                    "GET /models": lambda request: self.send(
                        200, {"data": [{"id": "kling-v3", "name": "Kling v3", "maker": "Kuaishou"}]}
                    ),
                    "POST /videos/quote": lambda request: self.send(200, {"credits": 1300, "book": "live"}),
                }
                if server.is_studio
                else {}
            )
            if route in action:
                action[route](request)
            else:
                self.refuse(404, "not_found", "There is nothing here.")

        def create(self, request: Request) -> None:
            body = request.json
            key = request.headers.get("idempotency-key", "")
            if server.is_studio and key in answered:
                earlier, answer = answered[key]
                if earlier != request.content:
                    self.refuse(422, "idempotency_mismatch", "This key was used with another request.")
                    return
                self.send(202, answer, {"Idempotent-Replayed": "true"})
                return
            problems = []
            if not 1 <= body.get("duration", 5) <= 15:
                problems.append({"param": "duration", "message": "must be 1 to 15 or -1"})
            if body.get("resolution") == "8k":
                problems.append({"param": "resolution", "message": "must be 480p or 720p"})
            if problems:
                self.refuse(400, "invalid_request", "The request has problems.", problems[0]["param"], problems)
                return
            if server.balance < 1300:
                self.refuse(402, "insufficient_credits", "1,300 credits are needed, 10 are left.")
                return
            server.balance -= 1300
            job_id = server.add_job(model=body["model"])
            server.jobs[job_id]["prompt"] = body["prompt"]
            record = server.jobs[job_id]
            answer = {**record, "job": {"id": job_id, "status": "pending"}} if server.is_studio else {"job": record}
            answered[key] = (request.content, answer)
            self.send(202, answer, {"X-Credits-Used": "1300"})

        def list_jobs(self, request: Request) -> None:
            limit, offset = int(request.query.get("limit", 20)), int(request.query.get("offset", 0))
            wanted = [
                job for job in reversed(server.jobs.values()) if request.query.get("status") in (None, job["status"])
            ]
            self.send(200, {"data": wanted[offset : offset + limit]})

        def show_job(self, request: Request) -> None:
            job_id = request.path.rpartition("/")[2]
            if job_id not in server.jobs:
                self.refuse(404, "not_found", f"There is no job {job_id}.")
                return
            job = server.jobs[job_id]
            if "prompt" in job:  # made by create(): it moves on as it is looked at
                looks[job_id] = looks.get(job_id, 0) + 1
                if looks[job_id] > 2 * server.looks_per_state:
                    server.fail(job_id) if "[fail]" in job["prompt"] else server.complete(job_id)
                elif looks[job_id] > server.looks_per_state:
                    job["status"] = "processing"
            self.send(200, job)

        def cancel(self, request: Request) -> None:
            job_id = request.path.split("/")[2]
            if job_id not in server.jobs:
                self.refuse(404, "not_found", f"There is no job {job_id}.")
            elif server.jobs[job_id]["status"] != "pending":
                self.refuse(409, "not_cancellable", "The job has started: the provider cannot be stopped.")
            else:
                server.jobs[job_id] |= {"status": "failed", "error": {"code": "cancelled", "message": "Cancelled."}}
                self.send(200, server.jobs[job_id])

        def store_file(self, request: Request) -> None:
            found = re.search(
                rb'name="file"; filename="([^"]*)"\r\nContent-Type: (\S+)\r\n\r\n(.*)\r\n--', request.content, re.DOTALL
            )
            assert found
            name, content_type, content = found[1].decode(), found[2].decode(), found[3]
            server.files[name] = content
            self.send(
                201,
                {
                    "id": f"file_{len(server.files)}",
                    "url": f"{server.origin}/files/{name}",
                    "content_type": content_type,
                    "byte_count": len(content),
                    "kind": "image",
                },
            )

        def answer_media(self, query: dict[str, str]) -> None:
            server.requests.append(Request(self.command, "media", query, self.headers, b""))
            if server.link_is_expired(query["signature"]):
                self.send_response(403)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Type", "video/mp4")
            self.send_header("Content-Length", str(len(server.clip)))
            self.end_headers()
            self.wfile.write(server.clip)

        def refuse(self, status: int, code: str, message: str, param: str = "", details: Any = None) -> None:
            error = {"code": code, "message": message, "status": status, "param": param, "details": details}
            self.send(status, {"error": error})

        def send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            facts = {
                "Content-Type": "application/json",
                "Content-Length": str(len(content)),
                "X-Request-Id": f"req_{len(server.requests)}",
                "X-Credits-Remaining": str(server.balance),
                "X-RateLimit-RPM-Limit": str(server.rpm_limit),
                "X-RateLimit-RPM-Remaining": str(server.rpm_remaining),
                **(headers or {}),
            }
            for name, value in facts.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    return Handler


@pytest.fixture
def api_server() -> Iterator[ApiServer]:
    """A running server of the contract, with a Studio's additions unless `is_studio` is set to False."""
    server = ApiServer()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    http.daemon_threads = True
    server.origin = f"http://127.0.0.1:{http.server_address[1]}"
    server.base_url = f"{server.origin}/v1"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    http.shutdown()
    thread.join()
    http.server_close()


@dataclass
class Hours:
    """Time that passes only by sleeping. Chance is always 0.5, which makes jitter ×1 for polls, ×0.875 for retries."""

    elapsed_seconds: float = 0.0
    sleeps: list[float] = field(default_factory=list)

    @property
    def clock(self) -> Clock:
        return Clock(
            monotonic_seconds=lambda: self.elapsed_seconds,
            now=lambda: START + timedelta(seconds=self.elapsed_seconds),
            chance=lambda: 0.5,
        )

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.elapsed_seconds += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


@pytest.fixture
def hours() -> Hours:
    return Hours()


Scenario = Callable[[Any], Any]


@dataclass
class Run:
    """Run one scenario with the client of this test's mode; awaitables are awaited, iterators become lists."""

    mode: str
    hours: Hours
    defaults: dict[str, Any] = field(default_factory=dict)

    def __call__(self, scenario: Scenario, **options: Any) -> Any:
        options = {"api_key": API_KEY, "clock": self.hours.clock, **self.defaults, **options}
        if "transport" not in options:
            # The server speaks plain HTTP; reading the system's certificates for each client takes half the suite.
            kind = httpx.AsyncHTTPTransport if self.mode == "async" else httpx.HTTPTransport
            options["transport"] = kind(verify=False)
        if self.mode == "async":
            return asyncio.run(self._awaited(scenario, options))
        with Tchavi(**options, sleep=self.hours.sleep) as client:
            result = scenario(client)
            return list(result) if isinstance(result, Iterator) else result

    async def _awaited(self, scenario: Scenario, options: dict[str, Any]) -> Any:
        async with AsyncTchavi(**options, sleep=self.hours.sleep_async) as client:
            result = scenario(client)
            if isinstance(result, AsyncIterator):
                return [entry async for entry in result]
            return await result if isawaitable(result) else result


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest, hours: Hours) -> Run:
    """One scenario, both clients. Without a server: give `transport=`."""
    return Run(request.param, hours)


@pytest.fixture
def run_on_server(run: Run, api_server: ApiServer) -> Run:
    """One scenario, both clients, against `api_server`."""
    run.defaults = {"base_url": api_server.base_url}
    return run
