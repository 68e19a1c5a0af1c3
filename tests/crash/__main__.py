"""`python -m tests.crash`: run every case on SQLite and PostgreSQL, with one and two workers; print a Markdown table.

`--write docs/reliability.md` writes the table between the page's two markers; `--only IN_FAILING` runs selected points.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from tchavi_studio.runtime.crashpoints import CrashPoint
from tests.databases import postgresql_binaries, throwaway_postgresql

from .cases import CASES, Case

BEGIN, END = "<!-- crash table: written by make crash -->", "<!-- end of the crash table -->"
SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of one case on one database; passed between this program's processes as a line of JSON."""

    name: str
    database: str
    worker_count: int
    lost: int
    double_billed: int
    stuck: int
    problems: list[str]
    review_count: int
    unowned_outputs: int
    seconds: float

    @property
    def has_passed(self) -> bool:
        return not self.problems


def chosen_cases(only: Sequence[str]) -> list[Case]:
    return [case for case in CASES if not only or case.point.name in only]


# --- One database -----------------------------------------------------------------------------------------------------


def run_here(database_name: str, cases: Iterable[Case], results_path: Path) -> None:
    """Run `cases` on the database in the tests' settings, and write one line per result."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    from tests.databases import make_template

    from .drill import run_case

    with tempfile.TemporaryDirectory(prefix="studio-crash-") as folder, results_path.open("a") as results:
        template = make_template(Path(folder))
        for case in cases:
            for worker_count in case.worker_counts:
                with template.copy() as database, tempfile.TemporaryDirectory(dir=folder) as case_folder:
                    outcome = run_case(case, database, Path(case_folder), worker_count=worker_count)
                problems = list(outcome.problems)
                # With two workers, what was in flight when one of them died depends on timing.
                if worker_count == 1 and case.review_count not in (None, outcome.review_count):
                    problems.append(f"{outcome.review_count} clips need review, not {case.review_count}")
                result = Result(
                    name=case.name,
                    database=database_name,
                    worker_count=worker_count,
                    lost=len(outcome.lost),
                    double_billed=len(outcome.double_billed),
                    stuck=len(outcome.stuck),
                    problems=problems,
                    review_count=outcome.review_count,
                    unowned_outputs=outcome.unowned_outputs,
                    seconds=outcome.seconds,
                )
                results.write(json.dumps(asdict(result)) + "\n")
                results.flush()
                how = "ok    " if result.has_passed else "FAILED"
                print(f"{how} {result.seconds:5.1f} s  {database_name}, {worker_count}: {case.name}", flush=True)
                for problem in problems:
                    print(f"       {problem}", flush=True)
        template.drop()


# --- All databases ----------------------------------------------------------------------------------------------------


def run_everywhere(only: Sequence[str], results_path: Path) -> list[str]:
    """Run the cases on each available database, in a separate process; returns the databases' names."""
    databases = [SQLITE]
    with ExitStack() as stack:
        url = os.environ.pop("TEST_DATABASE_URL", None)
        _run_on(SQLITE, only, results_path)
        if not url and (binaries := postgresql_binaries()):
            url = stack.enter_context(throwaway_postgresql(binaries))
        if url:
            databases.append(POSTGRESQL)
            _run_on(POSTGRESQL, only, results_path, TEST_DATABASE_URL=url)
    return databases


def _run_on(database_name: str, only: Sequence[str], results_path: Path, **environment: str) -> None:
    command = [sys.executable, "-m", "tests.crash", "--on", database_name, "--results", str(results_path)]
    command += ["--only", *only] if only else []
    with subprocess.Popen(command, env={**os.environ, **environment}) as process:
        try:
            process.wait()
        except BaseException:
            process.send_signal(signal.SIGINT)
            raise


def table(results: Sequence[Result], cases: Sequence[Case], databases: Sequence[str], took_seconds: float) -> str:
    """The results as a Markdown table, followed by the totals."""
    lines = [
        "| died | situation | " + " | ".join(databases) + " | lost | double-billed | stuck | seconds |",
        "|---|---|" + "---|" * len(databases) + "---:|---:|---:|---:|",
    ]
    for case in cases:
        mine = [result for result in results if result.name == case.name]
        cells = [_verdict([result for result in mine if result.database == name]) for name in databases]
        seconds = max((result.seconds for result in mine), default=0.0)
        lines.append(
            f"| {case.point.value} | {case.story} | {' | '.join(cells)} | {sum(r.lost for r in mine)} | "
            f"{sum(r.double_billed for r in mine)} | {sum(r.stuck for r in mine)} | {seconds:.1f} |"
        )
    bad = {
        case.point
        for case in cases
        if sum(r.has_passed for r in results if r.name == case.name) != len(case.worker_counts) * len(databases)
    }
    good = {case.point for case in cases} - bad
    under_review = [result.review_count for result in results if result.review_count]
    legend = (
        "First mark: the only worker died, and a new one was started. Second mark: of two workers, the first to reach "
        "the crash point died there, and the other took over."
    )
    totals = (
        f"**Points {len(good)}/{len(CrashPoint)}, lost {sum(r.lost for r in results)}, "
        f"double-billed {sum(r.double_billed for r in results)}, stuck {sum(r.stuck for r in results)}** "
        f"in {len(results)} runs, which took {took_seconds / 60:.0f} minutes. In {len(under_review)} of them the "
        f"outcome of a submission stayed unknown: {sum(under_review)} clips were refunded and shown to the site "
        f"admins. {sum(r.unowned_outputs for r in results)} stored files were left without a clip and deleted by the "
        "sweep."
    )
    lines += ["", textwrap.fill(legend, 120), "", textwrap.fill(totals, 120)]
    return "\n".join(lines)


def _verdict(results: Sequence[Result]) -> str:
    """The marks of a case on one database: with one worker, and with two."""
    return " ".join("✓" if result.has_passed else "✗" for result in results) or "–"


def write_between_markers(path: Path, text: str) -> None:
    """Replace the table in the page. Raises ValueError if the page lacks the markers."""
    page = path.read_text()
    before, found, rest = page.partition(BEGIN)
    _last, closed, after = rest.partition(END)
    if not (found and closed):
        raise ValueError(f"{path} must contain the lines {BEGIN!r} and {END!r}.")
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--write", type=Path, help="the page to write the table to")
    parser.add_argument("--only", nargs="+", choices=[point.name for point in CrashPoint], default=[])
    parser.add_argument("--on", choices=[SQLITE, POSTGRESQL], help=argparse.SUPPRESS)
    parser.add_argument("--results", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write and arguments.only:
        parser.error("--write needs all results, so it can't be used with --only")
    cases = chosen_cases(arguments.only)
    if arguments.on:
        run_here(arguments.on, cases, arguments.results)
        return 0
    # So that SIGTERM stops the PostgreSQL server too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="studio-crash-") as folder:
        results_path = Path(folder, "results.jsonl")
        results_path.touch()
        databases = run_everywhere(arguments.only, results_path)
        results = [Result(**json.loads(line)) for line in results_path.read_text().splitlines()]
    text = table(results, cases, databases, time.monotonic() - began)
    print(f"\n{text}")
    if arguments.write:
        write_between_markers(arguments.write, text)
    complete = len(results) == sum(len(case.worker_counts) for case in cases) * len(databases)
    return 0 if complete and all(result.has_passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
