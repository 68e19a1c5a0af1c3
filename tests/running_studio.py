"""A real `manage.py studio` that tests start, inspect and stop."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from tests.databases import Database, end_with_the_parent, free_port

READY_WITHIN_SECONDS = 60.0
STOP_WITHIN_SECONDS = 20.0
POLL_SECONDS = 0.05
ROOT = Path(__file__).parents[1]

T = TypeVar("T")


def wait_for(look: Callable[[], T], *, seconds: float, what: str) -> T:
    """Poll `look` until its result is true, and return that. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (result := look()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(POLL_SECONDS)
    return result


class RunningStudio:
    """The studio in separate processes, with its own data folder, port and database.

    It leads its own session, by which all of its processes can be found. `checkout` and `python` select another version
    of the studio.
    """

    def __init__(
        self,
        folder: Path,
        database: Database,
        checkout: Path = ROOT,
        python: str = sys.executable,
        /,
        **environment: str,
    ) -> None:
        from django.conf import settings

        self.folder = folder
        self._checkout = checkout
        self._manage = [python, "manage.py"]
        self.database = database
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **database.environment,
            "STUDIO_DATA": str(folder / "data"),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            # So that what a test signs, such as a task, is valid in this studio.
            "SECRET_KEY": settings.SECRET_KEY,
            **environment,
        }
        self._log_path = folder / "studio.log"
        self._process: subprocess.Popen[bytes] | None = None

    # --- Starting and stopping ----------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Start it. On exit it is stopped like an operator would, or killed after a failure."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                assert self.stop() == 0
        finally:
            self.clean_up()

    def start(self, *, wait: bool = True) -> float:
        """Start it; returns how many seconds it took to report that it is ready."""
        began = time.monotonic()
        self.folder.mkdir(exist_ok=True)
        self._log_path.unlink(missing_ok=True)
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [*self._manage, "studio"],
                cwd=self._checkout,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_the_parent,
            )
        if wait:
            wait_for(self._is_ready, seconds=READY_WITHIN_SECONDS, what=f"the studio to start\n{self.log}")
        return time.monotonic() - began

    def _is_ready(self) -> bool:
        self.require_alive()
        return f"Tchavi Studio is ready at {self.address}/" in self.log

    def require_alive(self) -> None:
        """Fail with the log if the studio has ended."""
        assert self.process.poll() is None, f"the studio ended with {self.process.returncode}:\n{self.log}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The supervisor."""
        assert self._process is not None, "the studio was not started"
        return self._process

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_until_ended(self, seconds: float = STOP_WITHIN_SECONDS) -> int:
        """Wait for the supervisor to exit; returns its exit code."""
        return self.process.wait(timeout=seconds)

    def stop(self) -> int:
        """Stop it as an operator would; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait_until_ended()

    def clean_up(self) -> None:
        """Kill whatever is left."""
        if self._process is None:
            return
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self._process.wait()

    # --- Inspecting ---------------------------------------------------------------------------------------------------

    @property
    def log(self) -> str:
        """Its output so far."""
        return self._log_path.read_text()

    def pids(self) -> list[int]:
        """All living processes of its session."""
        return [pid for pid, fields in _processes() if int(fields[3]) == self.process.pid and fields[0] != "Z"]

    def groups(self) -> dict[int, list[int]]:
        """Its living processes by process group."""
        groups: dict[int, list[int]] = {}
        for pid, fields in _processes():
            if int(fields[3]) == self.process.pid and fields[0] != "Z":
                groups.setdefault(int(fields[2]), []).append(pid)
        return groups

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a GET request; status 0 if there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        except OSError:
            return 0, b""
        finally:
            connection.close()

    def manage(self, *arguments: str, stdin: str = "") -> str:
        """Run a manage.py command in the studio's environment; returns its output."""
        command = [*self._manage, *arguments]
        ended = subprocess.run(
            command, cwd=self._checkout, env=self.environment, input=stdin, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, f"manage.py {' '.join(arguments)}: {ended.stdout}{ended.stderr}"
        return ended.stdout


def _processes() -> list[tuple[int, list[str]]]:
    """All processes of this machine: the id, and from /proc/<pid>/stat the state, parent, group, session, …"""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue  # It has just ended.
            found.append((int(entry.name), stat.rpartition(")")[2].split()))
    return found
