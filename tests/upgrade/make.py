"""`make upgrade-fixture`: fill a studio with the code of an earlier commit, on both databases, and keep what it made.

The recipe is `fixtures/<commit>/fill.py`, run in a checkout of that commit. Beside it are put the two databases, the
stored files, and what the recipe says of them.
"""

import argparse
import gzip
import io
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

from tests.databases import postgresql_binaries, throwaway_postgresql

ROOT = Path(__file__).parents[2]
FIXTURES = Path(__file__).parent / "fixtures"
OURS = ("STUDIO_", "TCHAVI_", "DATABASE_", "DJANGO_", "PYTHON")
"""How the names begin of what must not come from the environment of whoever makes a fixture."""


def check_out(commit: str, folder: Path) -> None:
    """Put the files of `commit` into `folder`, without touching the repository."""
    archive = subprocess.run(["git", "archive", "--format=tar", commit], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")


def fill(fixture: Path, checkout: Path, data: Path, database_url: str) -> str:
    """Run the recipe with the code of `checkout`; returns its facts, as JSON. `data` is the studio's folder."""
    facts = data.with_suffix(".json")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    subprocess.run(
        # -P: not even the recipe's own folder comes before the checkout.
        [sys.executable, "-P", fixture / "fill.py", facts],
        cwd=checkout,
        env={
            **environment,
            "PYTHONPATH": str(checkout),
            # The order of sets: it is in the conditions of constraints.
            "PYTHONHASHSEED": "0",
            "STUDIO_DATA": str(data),
            "DATABASE_URL": database_url,
            "STUDIO_LOG_LEVEL": "ERROR",
        },
        check=True,
    )
    return facts.read_text()


def sqlite_copy(path: Path) -> bytes:
    """The file itself, packed: as SQL it would lose the text index, which can't be read row by row."""
    packed = path.with_name("packed.sqlite3")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", [str(packed)])
    return packed.read_bytes()


def postgresql_dump(binaries: Path, url: str) -> bytes:
    """As INSERTs and without what only psql understands, so that a driver can restore it."""
    options = ["--no-owner", "--no-privileges", "--inserts", "--rows-per-insert=500"]
    dump = subprocess.run([binaries / "pg_dump", *options, url], capture_output=True, text=True, check=True).stdout
    return re.sub(r"^\\(un)?restrict \w+\n", "", dump, flags=re.MULTILINE).encode()


def keep(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content, mtime=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commit", required=True, help="the commit whose code fills the studio")
    commit = parser.parse_args().commit
    short = subprocess.run(
        ["git", "rev-parse", "--short=7", f"{commit}^{{commit}}"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    fixture = FIXTURES / short
    if not (fixture / "fill.py").is_file():
        sys.exit(f"Write the recipe first: {fixture / 'fill.py'}. The newest one of its neighbours is a good start.")
    binaries = postgresql_binaries()
    if binaries is None:
        sys.exit("Install PostgreSQL: the fixture is made on both databases.")
    with tempfile.TemporaryDirectory(prefix="studio-upgrade-") as folder, throwaway_postgresql(binaries) as url:
        checkout, on_sqlite, on_postgresql = (Path(folder, name) for name in ("checkout", "sqlite", "postgresql"))
        check_out(commit, checkout)
        sqlite_file = Path(folder, "studio.sqlite3")
        facts = fill(fixture, checkout, on_sqlite, f"sqlite:///{sqlite_file}")
        subprocess.run(
            [binaries / "createdb", "--maintenance-db", url.rpartition("/")[0] + "/postgres", "studio"], check=True
        )
        if facts != fill(fixture, checkout, on_postgresql, url):
            sys.exit("The recipe came to other facts on PostgreSQL than on SQLite: something in it is left to chance.")
        keep(fixture / "sqlite3.gz", sqlite_copy(sqlite_file))
        keep(fixture / "postgresql.sql.gz", postgresql_dump(binaries, url))
        (fixture / "facts.json").write_text(facts)
        shutil.rmtree(fixture / "media", ignore_errors=True)
        shutil.copytree(on_sqlite / "media", fixture / "media", copy_function=shutil.copyfile)
    size = sum(path.stat().st_size for path in fixture.rglob("*") if path.is_file())
    print(f"{fixture.relative_to(ROOT)}: {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
