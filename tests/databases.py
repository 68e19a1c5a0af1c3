"""Databases for tests: a fresh, migrated one for each test that needs it, and a throwaway PostgreSQL server.

The ledger's triggers refuse DELETE, so Django's flush can't empty the database after a test with real transactions.
Such a test gets a copy of a migrated template instead, which is dropped afterwards.
"""

import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

SERVER_START_SECONDS = 60
LOCK_NAME = "template.lock"


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database: `name` is Django's NAME, `url` is for another process's DATABASE_URL."""

    name: str
    url: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment for a subprocess that runs the studio, with its real settings, on this database."""
        ours = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        return {**ours, "DATABASE_URL": self.url}


@contextmanager
def connected_to(database: Database) -> Iterator[None]:
    """Point Django's default connection to `database`, in this thread and all threads started from now on."""
    from django.db import connections

    configured = connections.settings["default"]
    previous_name, previous_connection = configured["NAME"], connections["default"]
    # Use a new wrapper: closing the current one could lose an in-memory database, or be ignored by Django.
    del connections["default"]
    configured["NAME"] = database.name
    try:
        yield
    finally:
        connections["default"].close()
        configured["NAME"] = previous_name
        connections["default"] = previous_connection


def migrate(database: Database) -> None:
    """Migrate a database in this process."""
    from django.core.management import call_command

    with connected_to(database):
        call_command("migrate", interactive=False, verbosity=0)


Preparation = Callable[[Database], None]
"""Turns an empty database into what tests need."""


class SQLiteTemplate:
    """A prepared SQLite file, copied for each test. One that is already in `folder` is used as it is."""

    def __init__(self, folder: Path, prepare: Preparation = migrate) -> None:
        self._folder = folder
        self._template = self._database("template")
        if not Path(self._template.name).exists():
            unfinished = self._database("unfinished")
            prepare(unfinished)
            Path(unfinished.name).rename(self._template.name)

    def _database(self, name: str) -> Database:
        path = self._folder / f"{name}.sqlite3"
        return Database(name=str(path), url=f"sqlite:///{path}")

    @contextmanager
    def copy(self) -> Iterator[Database]:
        database = self._database(uuid.uuid4().hex)
        shutil.copyfile(self._template.name, database.name)
        try:
            yield database
        finally:
            for path in self._folder.glob(f"{Path(database.name).name}*"):
                path.unlink()

    def drop(self) -> None:
        Path(self._template.name).unlink(missing_ok=True)


class PostgreSQLTemplate:
    """A prepared PostgreSQL database, from which the server clones one for each test.

    One that is already there under `name` is used as it is.
    """

    def __init__(self, configured: dict[str, Any], name: str, prepare: Preparation = migrate) -> None:
        self._configured = configured
        self._template = self._database(name)
        if not self._exists(name):
            unfinished = self._database(f"unfinished_{uuid.uuid4().hex}")
            self._run(f"CREATE DATABASE {unfinished.name}")
            prepare(unfinished)
            self._run(f"ALTER DATABASE {unfinished.name} RENAME TO {name}")

    def _exists(self, name: str) -> bool:
        import psycopg

        with psycopg.connect(self._database("postgres").url) as connection:
            return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None

    def _database(self, name: str) -> Database:
        at = self._configured
        person = quote(at["USER"]) + (f":{quote(at['PASSWORD'])}" if at["PASSWORD"] else "")
        port = f":{at['PORT']}" if at["PORT"] else ""
        return Database(name=name, url=f"postgres://{person}@{quote(at['HOST'])}{port}/{name}")

    def _run(self, statement: str) -> None:
        import psycopg

        # Not on Django's connection, which is in a transaction, where databases can't be created.
        with psycopg.connect(self._database("postgres").url, autocommit=True) as connection:
            connection.execute(statement)

    @contextmanager
    def copy(self) -> Iterator[Database]:
        database = self._database(f"own_{uuid.uuid4().hex}")
        self._run(f"CREATE DATABASE {database.name} TEMPLATE {self._template.name}")
        try:
            yield database
        finally:
            # FORCE: a killed subprocess's connection may linger on the server.
            self._run(f"DROP DATABASE {database.name} WITH (FORCE)")

    def drop(self) -> None:
        self._run(f"DROP DATABASE IF EXISTS {self._template.name} WITH (FORCE)")


Template = SQLiteTemplate | PostgreSQLTemplate


def make_template(folder: Path, prepare: Preparation = migrate) -> Template:
    """A template on the tests' database engine: migrated, unless `prepare` does something else.

    Workers that share `folder` share the template: the first one prepares it while the others wait.
    """
    from django.db import connections

    configured = connections.settings["default"]
    with (folder / LOCK_NAME).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if configured["ENGINE"] == "django.db.backends.sqlite3":
            return SQLiteTemplate(folder, prepare)
        return PostgreSQLTemplate(configured, _template_name(folder), prepare)


def drop_template(folder: Path) -> None:
    """Drop the template that `make_template` made for `folder`, if it did. A file goes with its folder."""
    from django.db import connections

    configured = connections.settings["default"]
    if configured["ENGINE"] != "django.db.backends.sqlite3" and (folder / LOCK_NAME).exists():
        PostgreSQLTemplate(configured, _template_name(folder), prepare=lambda database: None).drop()


def _template_name(folder: Path) -> str:
    return f"template_{hashlib.sha256(str(folder).encode()).hexdigest()[:32]}"


# --- A PostgreSQL server ----------------------------------------------------------------------------------------------


def postgresql_binaries() -> Path | None:
    """The folder of the newest PostgreSQL installed from Debian packages, or None."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(folders, key=lambda folder: float(folder.parent.name), default=None)


def free_port() -> int:
    """A loopback TCP port that is currently free."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def end_with_the_parent() -> None:
    """On Linux, have the kernel send SIGINT to this process when its parent dies, even by SIGKILL."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGINT)


@contextmanager
def throwaway_postgresql(binaries: Path) -> Iterator[str]:
    """Run a PostgreSQL server on loopback in a temporary folder; yields its URL.

    PostgreSQL refuses to run as root, so then it runs as Debian's user `postgres`.
    """
    as_user: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="studio-postgresql-") as folder:
        if as_user:
            shutil.chown(folder, "postgres", "postgres")
        data, log_path = f"{folder}/data", Path(folder, "server.log")
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "studio", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"],
            check=True,
            capture_output=True,
            cwd=folder,
            **as_user,
        )
        # The data is thrown away, so it needn't survive a crash.
        options = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "unix_socket_directories="]
        options += ["listen_addresses=127.0.0.1", f"port={port}", "max_connections=200"]
        with log_path.open("wb") as log:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", data, *(word for option in options for word in ("-c", option))],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                start_new_session=True,
                preexec_fn=end_with_the_parent,
                **as_user,
            )
        try:
            _wait_until_it_accepts_connections(server, port, log_path)
            yield f"postgres://studio@127.0.0.1:{port}/studio"
        finally:
            # SIGINT is PostgreSQL's "fast" shutdown, which closes open sessions.
            server.send_signal(signal.SIGINT)
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.send_signal(signal.SIGQUIT)
                server.wait()


def _wait_until_it_accepts_connections(server: subprocess.Popen[bytes], port: int, log_path: Path) -> None:
    import psycopg

    deadline = time.monotonic() + SERVER_START_SECONDS
    while True:
        try:
            psycopg.connect(f"postgres://studio@127.0.0.1:{port}/postgres").close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL didn't start:\n{log_path.read_text()}") from None
        time.sleep(0.1)
