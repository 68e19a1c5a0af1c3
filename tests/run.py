"""`make test`: the checks and the whole suite on SQLite and on PostgreSQL, from units to a real browser.

`make test-fast` (`--fast`) only runs what computes on SQLite, `make test-long` (`--long`) what takes minutes. Each step
is a pytest of its own for a part of the files: workers that pytest-xdist starts would each collect all tests, and
report each of them to another process.
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
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from tests.databases import postgresql_binaries, throwaway_postgresql
from tests.node import found_node, packages_are_there

CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
HEADLESS_SHELL = "chromium-headless-shell"
"""Chromium without the parts around the page, such as notifications. Tests take two thirds of the processor's time."""
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
BROWSER_TESTS = TESTS / "browser"
CORES = os.cpu_count() or 1
PYTEST = [sys.executable, "-m", "pytest", "-q", "--durations=15", "--durations-min=3"]


def found_chromium(*others: str) -> str | None:
    """The Chromium that CHROMIUM names, else the first of `others` and the usual names that is there."""
    return next(filter(None, map(shutil.which, [os.environ.get("CHROMIUM", ""), *others, *CHROMIUM_NAMES])), None)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of the run, and what it adds to the environment."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)


class Run:
    """Runs steps, several at a time. Each step's output is printed as a whole when it ends."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.failed = False
        self.missing: list[str] = []
        self._began = time.monotonic()
        self._cpu_seconds = 0.0
        self._running: set[int] = set()
        self._is_stopping = False
        self._lock = threading.Lock()

    def steps(self, computing: list[Step], waiting: Sequence[Step] = ()) -> None:
        """Run the steps, begun in their order: a lane for each core, and two more for steps that mostly wait.

        A lane whose own steps are all begun helps with the others.
        """
        computes, waits = deque(computing), deque(waiting)
        lanes = [[computes, waits]] * CORES + ([[waits, computes]] * 2 if waits else [])
        threads = [threading.Thread(target=self._lane, args=lane) for lane in lanes]
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

    def _lane(self, *queues: deque[Step]) -> None:
        for queue in queues:
            while not self._is_stopping:
                try:
                    step = queue.popleft()
                except IndexError:
                    break
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
                self._cpu_seconds += cpu_seconds
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
        seconds = time.monotonic() - self._began
        print("\n=== Summary", *self.lines, sep="\n")
        use = self._cpu_seconds / seconds / CORES
        print(f"{seconds:.0f} s, {self._cpu_seconds:.0f} s of CPU, {use:.0%} of {CORES} cores")
        if self.missing:
            print("\n!!! NOT TESTED, because this machine lacks it:", *self.missing, sep="\n!!!   ")
            self.failed |= os.environ.get("CI") == "true"
        print("\nFAILED" if self.failed else "\nAll passed.")
        return int(self.failed)


def test_files() -> list[Path]:
    """All test files, except the browser's."""
    return sorted(path for path in TESTS.rglob("test_*.py") if BROWSER_TESTS not in path.parents)


def shares(files: list[Path], count: int) -> list[list[Path]]:
    """Share files out by size, as evenly as whole folders allow: a folder's tests share their media and databases."""
    folders = [list(group) for _folder, group in groupby(files, attrgetter("parent"))]
    shares: list[list[Path]] = [[] for _share in range(count)]
    for folder in sorted(folders, key=_byte_count, reverse=True):
        min(shares, key=_byte_count).extend(folder)
    return [share for share in shares if share]


def _byte_count(files: list[Path]) -> int:
    return sum(path.stat().st_size for path in files)


def suite(database: str, environment: dict[str, str]) -> list[Step]:
    """Everything on one database that neither starts processes nor drives a browser."""
    return [
        Step(
            name=f"{database}: suite, part {number}",
            command=[*PYTEST, "-m", "not processes and not long", *map(str, share)],
            environment=environment,
        )
        for number, share in enumerate(shares(test_files(), max(6, CORES)), 1)
    ]


def processes(database: str, environment: dict[str, str]) -> list[Step]:
    """What starts studios, workers and other programs, and mostly waits for them."""
    # Only files that use the mark: to collect all others takes seconds.
    files = [path for path in test_files() if "pytest.mark.processes" in path.read_text()]
    count = 3
    return [
        Step(
            name=f"{database}: processes, part {number}",
            command=[*PYTEST, "-m", "processes and not long", *map(str, share)],
            environment=environment,
        )
        for number, share in enumerate((files[first::count] for first in range(count)), 1)
    ]


def browser(database: str, environment: dict[str, str]) -> Step:
    """What people do, in a real Chromium."""
    command = [*PYTEST, "-m", "not long", str(BROWSER_TESTS)]
    return Step(name=f"{database}: browser", command=command, environment=environment)


def long(database: str, environment: dict[str, str]) -> Step:
    """What takes minutes. On PostgreSQL too if it is about upgrades, which take another way there."""
    files = [] if database == "SQLite" else [str(TESTS / "upgrade")]
    return Step(name=f"{database}: long", command=[*PYTEST, "-m", "long", *files], environment=environment)


def main() -> int:
    # So that a SIGTERM, too, leaves by way of the exit stack and takes the PostgreSQL server along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # Tests start hundreds of processes; each would compile the code again where the environment forbids to keep it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    run = Run()
    with ExitStack() as stack:
        # The steps on one database share its migrated template.
        templates = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="studio-templates-")))
        environment = {"TEST_TEMPLATE": str(templates)}
        if "--fast" in sys.argv[1:]:
            run.steps(suite("SQLite", environment))
        elif "--long" in sys.argv[1:]:
            _require_chromium(run)
            run.steps([long(name, more) for name, more in _databases(run, stack, environment).items()])
        else:
            _run_all(run, stack, environment)
    return run.finish()


def _require_chromium(run: Run) -> bool:
    is_there = found_chromium() is not None
    if not is_there:
        run.missing.append("Chromium (set CHROMIUM, or install one): every browser test")
    return is_there


def _databases(run: Run, stack: ExitStack, environment: dict[str, str]) -> dict[str, dict[str, str]]:
    """The databases to test on, each with what it adds to the environment."""
    databases = {"SQLite": environment}
    if url := os.environ.pop("TEST_DATABASE_URL", None):
        # Each step drops its own template from a server that isn't thrown away.
        databases["PostgreSQL"] = {"TEST_DATABASE_URL": url}
    elif binaries := postgresql_binaries():
        url = stack.enter_context(throwaway_postgresql(binaries))
        databases["PostgreSQL"] = {"TEST_DATABASE_URL": url, **environment}
    else:
        run.missing.append("PostgreSQL (set TEST_DATABASE_URL, or install the server): the suite on it")
    return databases


def _run_all(run: Run, stack: ExitStack, environment: dict[str, str]) -> None:
    has_chromium = _require_chromium(run)
    if not found_node():
        run.missing.append("Node (install nodejs and npm): Node programs that use the API")
    elif not packages_are_there(NODE_FOLDER):
        run.steps([Step(name="Node packages", command=[sys.executable, "-m", "tests.node", str(NODE_FOLDER)])])

    computing, waiting = [], []
    for database, more in _databases(run, stack, environment).items():
        computing += suite(database, more)
        # The longest first.
        waiting += [browser(database, more)] if has_chromium else []
        waiting += processes(database, more)
    checks = Step(name="checks", command=[sys.executable, ".ci/check.py"])
    run.steps([checks, *computing], waiting)


if __name__ == "__main__":
    sys.exit(main())
