"""Fill a workspace with demo clips: in bulk, but with the rows that the studio would have written one by one.

All clips are previews in the sandbox's book, so nothing is ever sent to the provider and no real credits move; the
states that only the provider causes ("submitting", "unknown") don't occur. The newest few clips are open, and a running
studio renders them.

Everything is drawn from the seed, batch by batch, and each batch is one transaction: an interrupted run continues
where it stopped when it is run again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from tchavi_studio.api.models import ApiKey
from tchavi_studio.api.services import CreatedKey, create_key
from tchavi_studio.assets.services import recount_storage
from tchavi_studio.generations.events import recount_key_use
from tchavi_studio.generations.library.entries import recount_months

from .clips import Batch
from .plan import Demo

BATCH_LENGTH = 20_000
SQLITE_CACHE_KIB = 400_000
"""Clips have random ids, so each batch touches all pages of some indexes."""


def seed_clips(demo: Demo, *, on_progress: Callable[[int], None]) -> list[CreatedKey]:
    """Write the clips of `demo` that aren't there yet, and return the API keys that were created.

    `on_progress` is called after each batch with the number of clips that are there.
    """
    keys = _create_keys(demo)
    with _large_cache():
        for first in range(0, demo.clip_count, BATCH_LENGTH):
            end = min(first + BATCH_LENGTH, demo.clip_count)
            if not demo.has_batch(first):
                with transaction.atomic():
                    Batch(demo, range(first, end)).write()
            on_progress(end)
    recount_storage(workspace_id=demo.workspace.pk)
    recount_months(workspace=demo.workspace)
    recount_key_use(workspace=demo.workspace, key_ids=demo.key_ids)
    if connection.vendor == "postgresql":
        # Autovacuum would, some minutes later; until then plans are made for the tables as they were.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return keys


def _create_keys(demo: Demo) -> list[CreatedKey]:
    created = []
    for key_id, is_test in zip(demo.key_ids, (False, True), strict=True):
        if not ApiKey.objects.filter(pk=key_id).exists():
            name = "Demo test key" if is_test else "Demo key"
            key = create_key(key_id=key_id, workspace=demo.workspace, user=demo.creator, name=name, is_test=is_test)
            created.append(key)
    return created


@contextmanager
def _large_cache() -> Iterator[None]:
    """Let SQLite hold the indexes in memory for a while."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        (usual,) = cursor.execute("PRAGMA cache_size").fetchone()
        cursor.execute(f"PRAGMA cache_size = -{SQLITE_CACHE_KIB}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA cache_size = {usual}")
