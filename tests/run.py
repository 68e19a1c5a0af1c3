"""`make test`: the checks, then the whole suite on SQLite and on PostgreSQL, from units to a real browser.

What this machine lacks (Chromium, Node, PostgreSQL) is said at the end; where CI=true it is a failure.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
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
NODE_FOLDER = Path(__file__).parent / "interop" / "node"
"""Programs for Node, and the lock of the packages that they need."""
PYTEST = [sys.executable, "-m", "pytest", "-q", "--durations=25", "--durations-min=3"]


def found_chromium() -> str | None:
    """The Chromium that CHROMIUM names, else one of the usual names."""
    return next(filter(None, map(shutil.which, [os.environ.get("CHROMIUM", ""), *CHROMIUM_NAMES])), None)


class Run:
    """What was run, what of it failed, and what was missing."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.failed = False
        self.missing: list[str] = []

    def step(self, name: str, command: list[str], **environment: str) -> None:
        """Run one command and note how it ended."""
        print(f"\n=== {name}", flush=True)
        began = time.monotonic()
        with subprocess.Popen(command, env={**os.environ, **environment}) as process:
            try:
                ended_with = process.wait()
            except BaseException:
                # As Ctrl+C does: pytest stops what its tests have started.
                process.send_signal(signal.SIGINT)
                raise
        self.failed |= ended_with != 0
        self.lines.append(f"{'failed' if ended_with else 'passed'}  {time.monotonic() - began:4.0f} s  {name}")

    def suite(self, database: str, chromium: str | None, **environment: str) -> None:
        """The whole suite on one database."""
        # Two busy workers for two cores; the third has the tests that start processes, which mostly wait for them. The
        # browser has the machine to itself.
        self.step(f"{database}: suite", [*PYTEST, "-n", "3", "--dist", "loadgroup", "-m", "not browser"], **environment)
        if chromium:
            self.step(f"{database}: browser", [*PYTEST, "-m", "browser"], **environment, CHROMIUM=chromium)

    def finish(self) -> int:
        """Say how it went; the exit code."""
        print("\n=== Summary", *self.lines, sep="\n")
        if self.missing:
            print("\n!!! NOT TESTED, because this machine lacks it:", *self.missing, sep="\n!!!   ")
            self.failed |= os.environ.get("CI") == "true"
        print("\nFAILED" if self.failed else "\nAll passed.")
        return int(self.failed)


def main() -> int:
    # So that a SIGTERM, too, leaves by way of the exit stack and takes the PostgreSQL server along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    run = Run()
    run.step("checks", [sys.executable, ".ci/check.py"])

    chromium = found_chromium()
    if not chromium:
        run.missing.append("Chromium (set CHROMIUM, or install one): every browser test")
    if not found_node():
        run.missing.append("Node (install nodejs and npm): programs for Node that use the API")
    elif not packages_are_there(NODE_FOLDER):
        run.step("Node packages", [sys.executable, "-m", "tests.node", str(NODE_FOLDER)])

    with ExitStack() as stack:
        postgresql_url = os.environ.pop("TEST_DATABASE_URL", None)
        run.suite("SQLite", chromium)
        if not postgresql_url and (binaries := postgresql_binaries()):
            postgresql_url = stack.enter_context(throwaway_postgresql(binaries))
        if postgresql_url:
            run.suite("PostgreSQL", chromium, TEST_DATABASE_URL=postgresql_url)
        else:
            run.missing.append("PostgreSQL (set TEST_DATABASE_URL, or install the server): the suite on it")
    return run.finish()


if __name__ == "__main__":
    sys.exit(main())
