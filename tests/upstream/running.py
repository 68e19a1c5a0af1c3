"""The upstream as a separate process that tests start, control, kill and restart."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.databases import end_with_the_parent
from tests.running_studio import wait_for
from tests.upstream.books import BooksError, Exchange, Totals
from tests.upstream.clip import kept_clip
from tests.upstream.faults import Odds
from tests.upstream.service import API_KEY, JobFacts, ReferenceFetch, StoredFile

ROOT = Path(__file__).parents[2]
READY_WITHIN_SECONDS = 30.0
STOP_WITHIN_SECONDS = 10.0


class Control:
    """`Upstream`'s methods for tests, over HTTP: the same names, arguments and results."""

    def __init__(self, origin: str) -> None:
        self._http = httpx.Client(base_url=f"{origin}/control", timeout=30, trust_env=False, verify=False)

    def close(self) -> None:
        self._http.close()

    def arm(self, route: str, kind: str, *, times: int | None = 1, **particulars: Any) -> None:
        self._post("arm", route=route, kind=kind, times=times, **particulars)

    def disarm(self) -> None:
        self._post("disarm")

    def set_odds(self, odds: Odds) -> None:
        self._post("set_odds", odds=odds)

    def set(self, **changes: Any) -> None:
        self._post("set", **changes)

    def set_balance(self, credits: int) -> None:
        self._post("set_balance", credits=credits)

    def advance(self, seconds: float) -> None:
        self._post("advance", seconds=seconds)

    def take_down(self, seconds: float) -> None:
        self._post("take_down", seconds=seconds)

    def add_job(self, **params: Any) -> str:
        job_id: str = self._post("add_job", **params)
        return job_id

    def begin(self, job_id: str) -> None:
        self._post("begin", job_id=job_id)

    def finish(self, job_id: str) -> None:
        self._post("finish", job_id=job_id)

    def fail(self, job_id: str, code: str = "upstream_error", message: str = "The model did not answer.") -> None:
        self._post("fail", job_id=job_id, code=code, message=message)

    def jobs(self, *, prompt: str | None = None, seed: int | None = None) -> list[JobFacts]:
        found = [JobFacts(**record) for record in self._get("jobs")]
        return [job for job in found if prompt in (None, job.prompt) and seed in (None, job.seed)]

    def requests(self, route: str | None = None) -> list[Exchange]:
        return [Exchange(**record) for record in self._get("requests", **({"route": route} if route else {}))]

    def audit(self) -> Totals:
        return Totals(**self._get("audit"))

    @property
    def files(self) -> list[StoredFile]:
        return [StoredFile(**record) for record in self._get("files")]

    @property
    def reference_fetches(self) -> list[ReferenceFetch]:
        return [ReferenceFetch(**record) for record in self._get("reference_fetches")]

    @property
    def now(self) -> float:
        at: float = self._get("now")
        return at

    def _post(self, name: str, **facts: Any) -> Any:
        return _read(self._http.post(f"/{name}", content=json.dumps(facts)))

    def _get(self, name: str, **query: str) -> Any:
        return _read(self._http.get(f"/{name}", params=query))


def _read(response: httpx.Response) -> Any:
    answer = json.loads(response.content)
    if response.is_success:
        return answer
    what: str = answer["error"]
    raise (BooksError if what.startswith("BooksError") else ValueError)(what)


class RunningUpstream:
    """The upstream as a separate process. Use as a context manager: the process never outlives it.

    Its journal is in `folder`, so `kill` and `restart` lose no jobs, and its ports stay the same.
    """

    api_key = API_KEY

    def __init__(self, folder: Path, *, seed: int = 0, odds: Odds | None = None, **settings: Any) -> None:
        self.folder = folder
        self.port = 0
        self.other_port = 0
        self._command = [sys.executable, "-m", "tests.upstream", "--state", str(folder / "upstream.jsonl")]
        self._command += ["--seed", str(seed), "--settings", json.dumps(settings), "--odds", json.dumps(odds or {})]
        self._process: subprocess.Popen[bytes] | None = None
        self._control: Control | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.clean_up()

    # --- Starting and stopping ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it, on its previous ports if it has run before. Returns when it is listening."""
        self.folder.mkdir(parents=True, exist_ok=True)
        kept_clip(self.folder / "upstream.mp4")  # Encoded here, so only once per test process.
        log_path, ports_path = self.folder / "upstream.log", self.folder / "upstream.ports"
        with log_path.open("ab") as log, ports_path.open("wb") as ports_file:
            self._process = subprocess.Popen(
                [*self._command, "--port", str(self.port), "--other-port", str(self.other_port)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=ports_file,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_the_parent,
            )

        def has_printed_ports() -> bool:
            assert self.process.poll() is None, f"the upstream ended:\n{log_path.read_text()}"
            return ports_path.read_text().endswith("\n")

        wait_for(has_printed_ports, seconds=READY_WITHIN_SECONDS, what="the upstream to listen")
        ports = json.loads(ports_path.read_text())
        self.port, self.other_port = ports["port"], ports["other_port"]

    def stop(self) -> int:
        """Stop it as an operator would; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def kill(self) -> None:
        """Kill it, like a power failure."""
        os.kill(self.process.pid, signal.SIGKILL)
        self._ended()

    def restart(self) -> None:
        """Kill it and start it again with everything it had committed."""
        self.kill()
        self.start()

    def clean_up(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def _ended(self) -> int:
        if self._control:
            self._control.close()
            self._control = None
        return self.process.wait(timeout=STOP_WITHIN_SECONDS)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the upstream was not started"
        return self._process

    # --- Addresses ----------------------------------------------------------------------------------------------------

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def other_origin(self) -> str:
        """The origin of videos with the fault `output_elsewhere`."""
        return f"http://127.0.0.1:{self.other_port}"

    @property
    def base_url(self) -> str:
        """For STUDIO_PROVIDER_URL."""
        return f"{self.origin}/v1"

    @property
    def control(self) -> Control:
        if self._control is None:
            self._control = Control(self.other_origin)
        return self._control
