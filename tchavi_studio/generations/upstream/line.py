"""The line of clips waiting to be sent, read only as far as somebody looks.

Each member of a workspace has a queue there, by age, and they take turns (`runtime/fairness.py`). So the first hundred
clips in line are among the first few of each queue, however many wait.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from tchavi_studio.generations.models import Engine, Generation, State
from tchavi_studio.runtime.fairness import Member, fair_order

AT_PROVIDER = (State.SUBMITTING, State.UNKNOWN, State.PROCESSING)
"""States that count against STUDIO_MAX_OPEN_PER_WORKSPACE."""

MIN_PAGE_LENGTH, MAX_PAGE_LENGTH = 50, 5_000


class InLine(NamedTuple):
    """A clip in line, as the database stores it: making UUIDs of thousands takes longer than putting them in order.

    Clips are compared by their age and id.
    """

    created_at: Any
    pk: Any
    workspace_id: Any
    creator_id: int
    """0 for all former members."""
    model: str
    is_leased: bool


def clips_at_provider() -> Counter[Member]:
    """How many clips each member has there, by ids as in `InLine`."""
    with connection.cursor() as cursor:
        cursor.execute(_AT_PROVIDER, {"engine": Engine.TCHAVI})
        return Counter(cursor.fetchall())


def clips_in_line(
    *, open_by_member: Mapping[Member, int], expected: int, is_full: Callable[[Any], bool] = lambda _workspace_id: False
) -> Iterator[InLine]:
    """Every clip that waits to be sent, next one first. Whoever asks will look at about `expected` of them.

    What is left of a workspace that `is_full` is left out; the others keep their order.
    """
    # Two of each, because whoever is served is followed in line by the next of the same queue.
    length = 2
    heads = _heads(length)
    members = {(clip.workspace_id, clip.creator_id) for clip in heads if not is_full(clip.workspace_id)}
    if members and expected >= len(members):
        length += expected // len(members)
        heads = _heads(length)
    queues: defaultdict[Member, list[InLine]] = defaultdict(list)
    for clip in sorted(heads):
        if not is_full(clip.workspace_id):
            queues[clip.workspace_id, clip.creator_id].append(clip)
    yield from fair_order(
        {member: _queue(clips, length) for member, clips in queues.items()},
        open_by_member=open_by_member,
        is_full=is_full,
    )


def _queue(clips: list[InLine], length: int) -> Iterator[InLine]:
    """One member's clips in line: those that were read, and then the others, by pages that become longer."""
    yield from clips
    while len(clips) >= length:
        length = min(max(2 * length, MIN_PAGE_LENGTH), MAX_PAGE_LENGTH)
        clips = _clips(_NEXT_OF_MEMBER, **clips[-1]._asdict(), length=length)
        yield from clips


def _heads(length: int) -> list[InLine]:
    """The first `length` clips of each queue."""
    return _clips(_HEADS, length=length)


def _clips(sql: str, **parameters: Any) -> list[InLine]:
    with connection.cursor() as cursor:
        # Else SQLite would rather read all that wait from `generation_open`, which has more columns.
        hint = "INDEXED BY generation_line" if connection.vendor == "sqlite" else ""
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        cursor.execute(
            sql.replace("/* by index */", hint),
            {"engine": Engine.TCHAVI, "state": State.QUEUED, "now": now, **parameters},
        )
        return [InLine(*row[: len(InLine._fields)]) for row in cursor.fetchall()]


# --- Statements -------------------------------------------------------------------------------------------------------
# Each member's queue is a range of the index `generation_line`, and so is what comes after it.

_TABLE = Generation._meta.db_table
_COLUMNS = (
    "clip.created_at, clip.id, clip.workspace_id, COALESCE(clip.creator_id, 0), clip.model,"
    " COALESCE(clip.leased_until > %(now)s, FALSE)"
)
_IN_LINE = (
    f"FROM {_TABLE} clip /* by index */"
    " WHERE clip.finished_at IS NULL AND clip.engine = %(engine)s AND clip.state = %(state)s"
)
_IN_ORDER = "ORDER BY clip.workspace_id, COALESCE(clip.creator_id, 0), clip.created_at, clip.id LIMIT"

# One state after the other: without fresh statistics, PostgreSQL would read all that wait, too.
_IN_STATE = f"""
    SELECT clip.workspace_id, COALESCE(clip.creator_id, 0) FROM {_TABLE} clip
    WHERE clip.finished_at IS NULL AND clip.engine = %(engine)s AND clip.state =
"""  # noqa: S608  # made of constants
_AT_PROVIDER = " UNION ALL ".join(f"{_IN_STATE} '{state}'" for state in AT_PROVIDER)

_NEXT_OF_MEMBER = (
    f"SELECT {_COLUMNS} {_IN_LINE} AND clip.workspace_id = %(workspace_id)s"
    " AND COALESCE(clip.creator_id, 0) = %(creator_id)s AND (clip.created_at, clip.id) > (%(created_at)s, %(pk)s)"
    " ORDER BY clip.created_at, clip.id LIMIT %(length)s"
)

# From one clip to the next: of the same queue, unless enough of it was read; of the workspace's next member; of the
# next workspace.
_HEADS = f"""
    WITH RECURSIVE head (created_at, pk, workspace_id, creator_id, model, is_leased, number) AS (
        SELECT {_COLUMNS}, 1 FROM {_TABLE} clip WHERE clip.id = (SELECT clip.id {_IN_LINE} {_IN_ORDER} 1)
        UNION ALL
        SELECT {_COLUMNS},
            CASE
                WHEN clip.workspace_id = head.workspace_id AND COALESCE(clip.creator_id, 0) = head.creator_id
                THEN head.number + 1 ELSE 1
            END
        FROM head JOIN {_TABLE} clip ON clip.id = COALESCE(
            CASE WHEN head.number < %(length)s THEN (
                SELECT clip.id {_IN_LINE} AND clip.workspace_id = head.workspace_id
                    AND COALESCE(clip.creator_id, 0) = head.creator_id
                    AND (clip.created_at, clip.id) > (head.created_at, head.pk)
                ORDER BY clip.created_at, clip.id LIMIT 1
            ) END,
            (
                SELECT clip.id {_IN_LINE} AND clip.workspace_id = head.workspace_id
                    AND COALESCE(clip.creator_id, 0) > head.creator_id {_IN_ORDER} 1
            ),
            (SELECT clip.id {_IN_LINE} AND clip.workspace_id > head.workspace_id {_IN_ORDER} 1)
        )
    )
    SELECT * FROM head
"""  # noqa: S608  # made of constants
