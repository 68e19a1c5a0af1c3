"""`make test`: the checks, then the whole suite on SQLite and on PostgreSQL, from units to a real browser.

Two steps at a time keep two cores busy: one computes, the other mostly waits for processes and the browser.
If this machine lacks Chromium, Node or PostgreSQL, it says so at the end; with CI=true that is a failure.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.databases import postgresql_binaries, throwaway_postgresql
from tests.node import found_node, packages_are_there

CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TESTS = Path(__file__).parent
NODE_FOLDER = TESTS / "interop" / "node"
"""Node programs, and the lock file of the packages they need."""
BROWSER_TESTS = str(TESTS / "browser")
PYTEST = [sys.executable, "-m", "pytest", "-q", "--durations=15", "--durations-min=3"]


def found_chromium() -> str | None:
    """The Chromium that CHROMIUM names, else one of the usual names."""
    return next(filter(None, map(shutil.which, [os.environ.get("CHROMIUM", ""), *CHROMIUM_NAMES])), None)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of the run, and what it adds to the environment."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)


class Run:
    """Runs steps, two at a time. Each step's output is printed as a whole when it ends."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.failed = False
        self.missing: list[str] = []
        self._running: set[int] = set()
        self._is_stopping = False
        self._lock = threading.Lock()

    def steps(self, steps: list[Step]) -> None:
        """Run the steps, begun in their order."""
        waiting = deque(steps)
        threads = [threading.Thread(target=self._lane, args=(waiting,)) for _lane in range(2)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException:
            self._stop()
            for thread in threads:
                thread.join()
            raise

    def _lane(self, waiting: deque[Step]) -> None:
        while not self._is_stopping:
            try:
                step = waiting.popleft()
            except IndexError:
                return
            self._step(step)

    def _step(self, step: Step) -> None:
        began = time.monotonic()
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                step.command, env={**os.environ, **step.environment}, stdout=output, stderr=subprocess.STDOUT
            )
            with self._lock:
                self._running.add(process.pid)
            _pid, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds, cpu_seconds = time.monotonic() - began, usage.ru_utime + usage.ru_stime
            output.seek(0)
            with self._lock:
                self._running.discard(process.pid)
                print(f"\n=== {step.name}", output.read().decode(errors="replace"), sep="\n", flush=True)
                self.failed |= status != 0
                verdict = "failed" if status else "passed"
                self.lines.append(f"{verdict}  {seconds:4.0f} s  {cpu_seconds:4.0f} s of CPU  {step.name}")

    def _stop(self) -> None:
        self._is_stopping = True
        with self._lock:
            for pid in self._running:
                # Like Ctrl+C, so that pytest stops what its tests have started.
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)

    def finish(self) -> int:
        """Print how it went; the exit code."""
        print("\n=== Summary", *self.lines, sep="\n")
        if self.missing:
            print("\n!!! NOT TESTED, because this machine lacks it:", *self.missing, sep="\n!!!   ")
            self.failed |= os.environ.get("CI") == "true"
        print("\nFAILED" if self.failed else "\nAll passed.")
        return int(self.failed)


def files_with(mark: str) -> list[str]:
    """The test files that use a mark: collecting all others with them would take each worker several seconds."""
    return sorted(str(path) for path in TESTS.rglob("test_*.py") if f"pytest.mark.{mark}" in path.read_text())


def suite(database: str, environment: dict[str, str]) -> Step:
    """Everything on one database that neither starts processes nor drives a browser."""
    command = [*PYTEST, "-n", "2", f"--ignore={BROWSER_TESTS}", "-m", "not processes and not long"]
    return Step(name=f"{database}: suite", command=command, environment=environment)


def processes(database: str, environment: dict[str, str]) -> Step:
    """What starts studios, workers and other programs, and mostly waits for them."""
    command = [*PYTEST, "-n", "2", "--dist", "loadfile", "-m", "processes and not long", *files_with("processes")]
    return Step(name=f"{database}: processes", command=command, environment=environment)


def browser(database: str, chromium: str, environment: dict[str, str]) -> Step:
    """What people do, in a real Chromium."""
    command = [*PYTEST, "-m", "not long", BROWSER_TESTS]
    return Step(name=f"{database}: browser", command=command, environment={**environment, "CHROMIUM": chromium})


def main() -> int:
    # So that a SIGTERM, too, leaves by way of the exit stack and takes the PostgreSQL server along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # Tests start hundreds of processes; each would compile the code again where the environment forbids to keep it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    run = Run()
    checks = Step(name="checks", command=[sys.executable, ".ci/check.py"])
    chromium = found_chromium()
    if not chromium:
        run.missing.append("Chromium (set CHROMIUM, or install one): every browser test")

    with ExitStack() as stack:
        # The steps on one database share its migrated template.
        templates = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="studio-templates-")))
        environment = {"TEST_TEMPLATE": str(templates)}
        steps = [suite("SQLite", environment), checks]
        if not found_node():
            run.missing.append("Node (install nodejs and npm): Node programs that use the API")
        elif not packages_are_there(NODE_FOLDER):
            run.steps([Step(name="Node packages", command=[sys.executable, "-m", "tests.node", str(NODE_FOLDER)])])
        steps.append(processes("SQLite", environment))
        if chromium:
            steps.append(browser("SQLite", chromium, environment))

        if url := os.environ.pop("TEST_DATABASE_URL", None):
            # Each step drops its own template from a server that isn't thrown away.
            environment = {"TEST_DATABASE_URL": url}
        elif binaries := postgresql_binaries():
            url = stack.enter_context(throwaway_postgresql(binaries))
            environment = {"TEST_DATABASE_URL": url, "TEST_TEMPLATE": str(templates)}
        if url:
            steps += [suite("PostgreSQL", environment), processes("PostgreSQL", environment)]
            if chromium:
                steps.append(browser("PostgreSQL", chromium, environment))
        else:
            run.missing.append("PostgreSQL (set TEST_DATABASE_URL, or install the server): the suite on it")
        run.steps(steps)
    return run.finish()


if __name__ == "__main__":
    sys.exit(main())
