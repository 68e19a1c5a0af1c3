"""What has to be done before anything is served: migrate the database, collect the static files."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection

from .queries import has_unapplied_migrations

MIGRATION_LOCK = 7_426_883
"""An arbitrary number that must never change: if several machines start together, only one migrates."""


def migrate_database() -> bool:
    """Apply all migrations. Returns whether there were any to apply. Raises django.db.Error."""
    with _migration_lock():
        if not has_unapplied_migrations():
            return False
        call_command("migrate", interactive=False, verbosity=0)
        return True


@contextmanager
def _migration_lock() -> Iterator[None]:
    if connection.vendor != "postgresql":
        # A SQLite file belongs to one machine, where a second studio can't get the port.
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def collect_static_files() -> bool:
    """Hash and compress the static files into STATIC_ROOT if any has changed. Returns whether it did."""
    root = Path(settings.STATIC_ROOT)
    # Next to the folder, because everything in it is served.
    kept = root.with_suffix(".sources")
    sources = _static_sources_digest()
    if root.is_dir() and kept.exists() and kept.read_text() == sources:
        return False
    call_command("collectstatic", interactive=False, verbosity=0)
    kept.write_text(sources)
    return True


def _static_sources_digest() -> str:
    """Changes when any static file does. Uses sizes and times, not contents: it is computed at every start."""
    digest = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for path, storage in finder.list(None):
            stat = Path(storage.path(path)).stat()
            digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return digest.hexdigest()
