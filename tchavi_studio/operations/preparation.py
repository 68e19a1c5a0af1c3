"""What a start makes sure of before anything is served: the database is migrated, static files are collected."""

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
"""Any number, as long as it stays the same: of several machines that start at once, one migrates."""


def migrate_database() -> bool:
    """Bring the database up to this code. Returns whether there was anything to do. Raises django.db.Error."""
    with _alone_in_the_database():
        if not has_unapplied_migrations():
            return False
        call_command("migrate", interactive=False, verbosity=0)
        return True


@contextmanager
def _alone_in_the_database() -> Iterator[None]:
    if connection.vendor != "postgresql":
        # SQLite's file belongs to one machine, and there a second start fails at the port.
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def collect_static_files() -> bool:
    """Hash and compress the static files into STATIC_ROOT, unless they are those collected last. Returns whether."""
    root = Path(settings.STATIC_ROOT)
    # Beside the folder, not in it: what is in it is served.
    kept = root.with_suffix(".sources")
    sources = _static_sources_digest()
    if root.is_dir() and kept.exists() and kept.read_text() == sources:
        return False
    call_command("collectstatic", interactive=False, verbosity=0)
    kept.write_text(sources)
    return True


def _static_sources_digest() -> str:
    """Changes when any static file does. From sizes and times, not contents: this is computed at every start."""
    digest = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for path, storage in finder.list(None):
            stat = Path(storage.path(path)).stat()
            digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return digest.hexdigest()
