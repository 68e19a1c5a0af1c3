"""`make bench`: run every subject, print its rows as they come, and write docs/benchmarks.md."""

import argparse
import json
import os
import platform
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg

from tests.databases import postgresql_binaries, throwaway_postgresql

from .measuring import bare_insert_seconds, fsync_seconds
from .report import Row, figure, table

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
DEFAULT_SIZE = 200_000

MANY_CLIPS = ("pages", "credits")
HOT_PATHS = ("poll", "api", "ledger", "idle", "attack", "scroll")
MIGRATION = ("migration",)
ON_POSTGRESQL_TOO = ("pages", "credits", "poll", "ledger")
"""Of the others, `migration` measures both databases itself."""


@dataclass
class Run:
    """One run of all subjects."""

    size: int
    postgresql_url: str | None
    not_measured: list[str] = field(default_factory=list)

    def tables(self, subjects: tuple[str, ...]) -> str:
        """Measure these subjects; a table for each database."""
        found: dict[str, list[Row]] = {"SQLite": [], "PostgreSQL": []}
        for name in subjects:
            found["SQLite"] += self._rows(name, "SQLite", {})
            if name in ON_POSTGRESQL_TOO and self.postgresql_url:
                with fresh_database(self.postgresql_url) as url:
                    found["PostgreSQL"] += self._rows(name, "PostgreSQL", {"TEST_DATABASE_URL": url})
        if not found["PostgreSQL"]:
            return table(found["SQLite"])
        return "\n\n".join(f"### {database}\n\n{table(rows)}" for database, rows in found.items())

    def _rows(self, name: str, database: str, environment: dict[str, str]) -> list[Row]:
        if find_spec(f"tests.bench.{name}") is None:
            self.not_measured.append(name)
            return []
        print(f"\n=== {name}, {database}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "rows.json")
            command = [sys.executable, "-m", "tests.bench.subject", name, "--size", str(self.size), "--out", str(out)]
            if subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}).returncode:
                self.not_measured.append(f"{name} on {database}: it failed")
                return []
            return [Row(*row) for row in json.loads(out.read_text())]


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """An empty database on this server, dropped afterwards; yields its URL."""
    server, name = server_url.rpartition("/")[0], f"bench_{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as session:
        session.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            yield f"{server}/{name}"
        finally:
            session.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def machine(folder: Path, binaries: Path | None) -> str:
    """What the figures were measured on, and what it takes this machine to write anything at all."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    server = "not installed"
    if binaries:
        command = [str(binaries / "postgres"), "--version"]
        server = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[2]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    return (
        f"Measured on {datetime.now(UTC):%-d %B %Y} at commit {commit}: {os.cpu_count()} × {processor}, "
        f"{memory_gib:.0f} GiB, {platform.system()} {platform.release()}; Python {platform.python_version()}, "
        f"Django {version('django')}, SQLite {sqlite3.sqlite_version}, PostgreSQL {server}. In this run an fsync of "
        f"4 kB took {figure(fsync_seconds(folder) * 1000)} ms, and a bare insert of one row into an empty SQLite "
        f"database {figure(bare_insert_seconds(folder) * 1000)} ms."
    )


def main() -> None:
    # So that a SIGTERM, too, leaves by way of the exit stack and takes the PostgreSQL server along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--size", type=int, default=DEFAULT_SIZE, help="clips in the large studio")
    size = parser.parse_args().size
    began = time.monotonic()
    binaries = postgresql_binaries()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="studio-bench-")))
        print(about := machine(folder, binaries), flush=True)
        url = os.environ.pop("TEST_DATABASE_URL", None)
        if not url and binaries:
            url = stack.enter_context(throwaway_postgresql(binaries))
        run = Run(size, url)
        text = PAGE_TEMPLATE.format(
            about=textwrap.fill(about, 120),
            size=f"{size:,}",
            many_clips=run.tables(MANY_CLIPS),
            hot_paths=run.tables(HOT_PATHS),
            migration=run.tables(MIGRATION),
        )
    if not url:
        run.not_measured.append("PostgreSQL (set TEST_DATABASE_URL, or install the server)")
    if run.not_measured:
        text += "\nNot measured in this run: " + ", ".join(run.not_measured) + ".\n"
        print("\n!!! NOT MEASURED:", *run.not_measured, sep="\n!!!   ")
    PAGE.write_text(text)
    print(f"\nWrote {PAGE.relative_to(ROOT)} after {(time.monotonic() - began) / 60:.0f} minutes.")


PAGE_TEMPLATE = """\
# Benchmarks

Written by `make bench SIZE=…`; the default size, 200,000 clips, ends within 15 minutes on two cores. Most goals are
ratios within one run, so they should hold on any machine. Figures that miss their goal are bold.

{about}

## Many clips

The median time of a request, or of a piece of background work, with {size} clips in a workspace, relative to the same
with 1,000, on the same database engine, measured in turns through the whole stack. Times are in the remarks. On
PostgreSQL the remarks also name every plan that scans or sorts a long table after ANALYZE, whatever it finds there; a
scan that ends with a bounded count says so. If there are none, all statements read by index. The tests assert the plans
of all lists on both databases.

{many_clips}

## Hot paths

{hot_paths}

## Upgrades

Migrating a studio to today's tables, everything stopped. The rows are counted before and after, and the ledger is
verified.

{migration}
"""


if __name__ == "__main__":
    main()
