"""The text index of the entries: SQLite's FTS5, or a tsvector with a GIN index on PostgreSQL.

The database keeps it: triggers on SQLite, a generated column on PostgreSQL. What it indexes of an entry is the lists it
is in, each as a word that no prompt has, and the words of its prompt. So a search in one list reads nothing of others.

Django drops the triggers on SQLite whenever a migration rebuilds the table. Such a migration must end with
`RunPython(install)`.
"""

from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import QuerySet

from tchavi_studio.generations.visibility import Scope, entries_in_scope
from tchavi_studio.long_lists import rows_after
from tchavi_studio.workspaces.models import Membership

from .models import LibraryEntry
from .search import Search, fts5_query, spaced, tsquery

TABLE = "generations_libraryentry"
FTS5_TABLE = "generations_librarytext"
GIN_INDEX = "library_text"

PREFIXES = "2 3 4"
"""The lengths of beginnings that FTS5 looks up directly. Longer ones match few words."""

WALKED = 20_000
"""On PostgreSQL, so many of a list's newest entries are looked at before its text index is asked for all matches."""


def _text(row: str) -> str:
    """What SQLite indexes of a row: nothing of one that isn't listed."""
    return (
        f"CASE WHEN {row}.is_listed THEN coalesce('m_' || {row}.workspace_id || '_' || {row}.creator_id, '') || "
        f"CASE WHEN {row}.is_shared THEN ' w_' || {row}.workspace_id ELSE '' END || ' ' || {row}.words END"
    )


def _triggers() -> dict[str, str]:
    """The names and definitions of SQLite's triggers, as stored in sqlite_master."""
    insert = f"INSERT INTO {FTS5_TABLE}(rowid, text) SELECT new.key, {_text('new')} WHERE new.is_listed"
    delete = (
        f"INSERT INTO {FTS5_TABLE}({FTS5_TABLE}, rowid, text) "
        f"SELECT 'delete', old.key, {_text('old')} WHERE old.is_listed"
    )
    columns = "is_listed, is_shared, workspace_id, creator_id, words"
    bodies = {
        "insert": f"AFTER INSERT ON {TABLE} BEGIN {insert}; END",
        "update": f"AFTER UPDATE OF {columns} ON {TABLE} BEGIN {delete}; {insert}; END",
        "delete": f"AFTER DELETE ON {TABLE} BEGIN {delete}; END",
    }
    return {f"{FTS5_TABLE}_{name}": f"CREATE TRIGGER {FTS5_TABLE}_{name} {body}" for name, body in bodies.items()}


def place_of(membership: Membership, scope: Scope) -> str:
    """The word that stands for a list in the index."""
    workspace = membership.workspace_id.hex if connection.vendor == "sqlite" else str(membership.workspace_id)
    return f"w_{workspace}" if scope == Scope.WORKSPACE else f"m_{workspace}_{membership.user_id}"


def install(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create what isn't there, from a migration's RunPython."""
    create(schema_editor.connection)


def create(connection: BaseDatabaseWrapper) -> None:
    """Create the index, and what keeps it, if they aren't there. Entries that are there are indexed."""
    with connection.cursor() as cursor:
        if connection.vendor != "sqlite":
            place = "'m_' || workspace_id::text || '_' || creator_id::text"
            cursor.execute(
                f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS text tsvector GENERATED ALWAYS AS ("
                f"CASE WHEN is_listed THEN (coalesce({place}, '') || CASE WHEN is_shared THEN "
                "' w_' || workspace_id::text ELSE '' END || ' ' || words)::tsvector END) STORED"
            )
            cursor.execute(
                f"CREATE INDEX IF NOT EXISTS {GIN_INDEX} ON {TABLE} USING gin (text) WITH (fastupdate = off)"
            )
            return
        cursor.execute("SELECT 1 FROM sqlite_master WHERE name = %s", [FTS5_TABLE])
        if cursor.fetchone() is None:
            cursor.execute(
                f"CREATE VIRTUAL TABLE {FTS5_TABLE} USING fts5("
                f"""text, content='', columnsize=0, prefix='{PREFIXES}', tokenize="ascii tokenchars '_'")"""
            )
            cursor.execute(
                f"INSERT INTO {FTS5_TABLE}(rowid, text) "  # noqa: S608
                f"SELECT key, {_text(TABLE)} FROM {TABLE} WHERE is_listed ORDER BY key"
            )
        for name, definition in _triggers().items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            cursor.execute(definition)


def missing_parts(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of triggers, or of the index, that are missing or were changed. The table must exist."""
    with connection.cursor() as cursor:
        if connection.vendor != "sqlite":
            cursor.execute("SELECT 1 FROM pg_indexes WHERE indexname = %s", [GIN_INDEX])
            return [] if cursor.fetchone() else [GIN_INDEX]
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [TABLE])
        found = dict(cursor.fetchall())
    return [name for name, definition in _triggers().items() if found.get(name) != definition]


def matching_keys(
    search: Search,
    *,
    membership: Membership,
    scope: Scope,
    max_count: int,
    after: int | None = None,
    oldest_first: bool = False,
) -> list[int]:
    """The keys of up to `max_count` clips of a list whose prompts match, newest first, beyond the key `after`."""
    place = place_of(membership, scope)
    if connection.vendor == "sqlite":
        return _fts5_keys(fts5_query(search, place=place), max_count, after, oldest_first=oldest_first)
    entries = entries_in_scope(membership, scope).order_by("key" if oldest_first else "-key")
    return _tsvector_keys(search, tsquery(search, place=place), entries, max_count, after, oldest_first=oldest_first)


def _fts5_keys(query: str, max_count: int, after: int | None, *, oldest_first: bool) -> list[int]:
    sign, order = (">", "") if oldest_first else ("<", " DESC")
    beyond = "" if after is None else f" AND rowid {sign} %s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT rowid FROM {FTS5_TABLE} WHERE {FTS5_TABLE} MATCH %s{beyond} "  # noqa: S608
            f"ORDER BY rowid{order} LIMIT %s",
            [query, *([] if after is None else [after]), max_count],
        )
        return [key for (key,) in cursor.fetchall()]


def _tsvector_keys(
    search: Search,
    query: str,
    entries: QuerySet[LibraryEntry],
    max_count: int,
    after: int | None,
    *,
    oldest_first: bool,
) -> list[int]:
    """First look at the list's next entries, then ask the index, which only knows all matches at once.

    Of a common word, the first are met soon. Of a rare one there are few. Either way around would take long.
    """
    walked = (rows_after(entries, after) if after is not None else entries)[:WALKED]
    phrases = [("LIKE", term) for term in search.wanted if len(term.words) > 1]
    phrases += [("NOT LIKE", term) for term in search.unwanted if len(term.words) > 1]
    conditions = " AND ".join(
        ["text @@ %s::tsquery", *(f"(' ' || words || ' ') {comparison} %s" for comparison, _term in phrases)]
    )
    matches = [query, *(f"%{spaced(term)}%" for _comparison, term in phrases)]
    sign, order = (">", "") if oldest_first else ("<", " DESC")
    beyond = "" if after is None else f" AND key {sign} %s"
    walk, walk_parameters = walked.values("key").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT key FROM ({walk}) AS walked JOIN {TABLE} AS entry USING (key) "  # noqa: S608
            f"WHERE {conditions} ORDER BY key{order} LIMIT %s",
            [*walk_parameters, *matches, max_count],
        )
        found = [key for (key,) in cursor.fetchall()]
        if len(found) < max_count:
            # Sorted by an expression, so that the planner can't walk through all entries instead.
            cursor.execute(
                f"SELECT key FROM {TABLE} WHERE {conditions}{beyond} ORDER BY key + 0{order} LIMIT %s",  # noqa: S608
                [*matches, *([] if after is None else [after]), max_count],
            )
            found = [key for (key,) in cursor.fetchall()]
    return found
