"""A real `manage.py studio`, as tests start it, look into it and end it."""

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
    """What `look` answers as soon as that is true. Fails when it is not within the time."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(POLL_SECONDS)
    return seen


class RunningStudio:
    """The studio in processes of its own, with its own data folder, port and database.

    It is the leader of a session, so whatever is left of it is found by that. `checkout` and `python` run another
    version of the studio than the one that these tests are part of.
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
            # A test that signs something, a task for instance, must sign it as this studio does.
            "SECRET_KEY": settings.SECRET_KEY,
            **environment,
        }
        self._log_path = folder / "studio.log"
        self._process: subprocess.Popen[bytes] | None = None

    # --- Life ---------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Within, it runs; afterwards it was stopped as an operator does, or after a failure whatever is left ended."""
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
        """Start it; returns after how many seconds it said that it is ready."""
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
            wait_for(self._says_it_is_ready, seconds=READY_WITHIN_SECONDS, what=f"ready\n{self.log}")
        return time.monotonic() - began

    def _says_it_is_ready(self) -> bool:
        self.require_alive()
        return f"Tchavi Studio is ready at {self.address}/" in self.log

    def require_alive(self) -> None:
        """Fail, with what it logged, if the studio has ended."""
        assert self.process.poll() is None, f"the studio ended with {self.process.returncode}:\n{self.log}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The supervisor."""
        assert self._process is not None, "the studio was not started"
        return self._process

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_until_ended(self, seconds: float = STOP_WITHIN_SECONDS) -> int:
        """The supervisor's exit code."""
        return self.process.wait(timeout=seconds)

    def stop(self) -> int:
        """Stop it as an operator does; the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait_until_ended()

    def clean_up(self) -> None:
        """End whatever is left, however the test went."""
        if self._process is None:
            return
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self._process.wait()

    # --- What can be seen of it ---------------------------------------------------------------------------------------

    @property
    def log(self) -> str:
        """All that it said so far."""
        return self._log_path.read_text()

    def pids(self) -> list[int]:
        """Every living process of its session."""
        return [pid for pid, fields in _processes() if int(fields[3]) == self.process.pid and fields[0] != "Z"]

    def groups(self) -> dict[int, list[int]]:
        """Its living processes by process group."""
        groups: dict[int, list[int]] = {}
        for pid, fields in _processes():
            if int(fields[3]) == self.process.pid and fields[0] != "Z":
                groups.setdefault(int(fields[2]), []).append(pid)
        return groups

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a GET request; status 0 when nobody answers."""
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
        """What a command of manage.py prints, run beside the studio in its environment."""
        command = [*self._manage, *arguments]
        return subprocess.run(
            command,
            cwd=self._checkout,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        ).stdout


def _processes() -> list[tuple[int, list[str]]]:
    """Every process of this machine: its id, and from /proc/<pid>/stat its state, parent, group, session, …"""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue  # It has just ended.
            found.append((int(entry.name), stat.rpartition(")")[2].split()))
    return found
