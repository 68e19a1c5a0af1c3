"""How long a studio with many clips takes to migrate from an earlier commit: `python -m tests.bench.migration`.

The earlier commit's code makes the tables in a temporary checkout, and its `seed_demo` fills them; then today's code
migrates them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.databases import postgresql_binaries, throwaway_postgresql
from tests.upgrade.make import check_out

from .report import Row

ROOT = Path(__file__).parents[2]
EARLIER = "72588e1"
"""The commit to migrate from: the last one before the newest migrations of large tables."""

FIRST_DEMO = "1f25e65"
"""The commit that brought `seed_demo`, for checkouts that are older."""

DEMO = ("tchavi_studio/operations/demo", "tchavi_studio/operations/management/commands/seed_demo.py")

COUNTED = (
    "generations_generation", "generations_generationreference", "assets_asset", "ledger_transfer", "ledger_account",
)  # fmt: skip
COUNT = f"""
from django.db import connection
with connection.cursor() as cursor:
    for table in {COUNTED!r}:
        cursor.execute(f"SELECT COUNT(*) FROM {{table}}")
        print(table, cursor.fetchone()[0])
"""


def rows(size: int, commit: str = EARLIER) -> Iterator[Row]:
    """Measure on SQLite and, if it is installed, on PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="studio-migration-") as name:
        folder = Path(name)
        earlier = folder / "earlier"
        check_out(commit, earlier)
        if not (earlier / DEMO[0]).exists():
            check_out(FIRST_DEMO, folder / "demo")
            for path in DEMO:
                (folder / "demo" / path).rename(earlier / path)
        yield measured("SQLite", size, commit, earlier, folder, f"sqlite:///{folder}/studio.sqlite3")
        if (binaries := postgresql_binaries()) is not None:
            with throwaway_postgresql(binaries) as url:
                at = url.rpartition("/")[0] + "/postgres"
                subprocess.run([binaries / "createdb", "--maintenance-db", at, "studio"], check=True)
                yield measured("PostgreSQL", size, commit, earlier, folder, url)


def measured(database: str, size: int, commit: str, earlier: Path, folder: Path, url: str) -> Row:
    environment = {**os.environ, "DATABASE_URL": url, "STUDIO_DATA": str(folder / database)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)

    def manage(root: Path, *arguments: str, text: str = "") -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=root, env=environment, input=text, text=True, stdout=subprocess.PIPE, check=True
        )
        return done.stdout

    manage(earlier, "migrate", "--no-input", "--verbosity", "0")
    manage(earlier, "provision", "--email", "awa@example.org", "--password-stdin", "--credits", "0", text="a lagoon 17")
    manage(earlier, "seed_demo", "--clips", str(size), "--no-files")
    before = manage(ROOT, "shell", "--verbosity", "0", "--command", COUNT)
    began = time.monotonic()
    manage(ROOT, "migrate", "--no-input", "--verbosity", "0")
    seconds = time.monotonic() - began
    after = manage(ROOT, "shell", "--verbosity", "0", "--command", COUNT)
    assert before == after, f"rows were lost:\n{before}\n{after}"
    manage(ROOT, "verify_ledger")
    return Row(f"migrating {size:,} clips from {commit}, {database}", "–", seconds, None, "s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="how many clips (default: 1,000,000)")
    parser.add_argument("--from", dest="commit", default=EARLIER, help="the earlier commit")
    arguments = parser.parse_args()
    for row in rows(arguments.size, arguments.commit):
        print(row, flush=True)


if __name__ == "__main__":
    main()
