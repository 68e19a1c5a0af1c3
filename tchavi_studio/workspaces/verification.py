"""Recompute the chains of activity from their rows: what was changed, is missing or came later.

Nothing is locked; rows that are written meanwhile are verified too, or not.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.utils.translation import gettext_noop

from tchavi_studio.long_lists import batches_of, rows_after
from tchavi_studio.records.chain import GENESIS_HASH
from tchavi_studio.records.verification import (
    ACTIVITY_BOOK,
    FROM_THE_BEGINNING,
    SITE,
    Finding,
    Head,
    Mark,
    Step,
    VerifiedHeads,
    findings_in,
)

from .activity import HASH_VERSION, row_hash
from .models import ActivityHead, ActivityRow

CHUNK_SIZE = 2000
HEADS_AT_ONCE = 500


def activity_heads() -> Iterator[Head]:
    """The head of every chain of activity."""
    for head in ActivityHead.objects.order_by("scope").iterator(chunk_size=CHUNK_SIZE):
        yield Head(workspace_id=_workspace_of(head.scope), book=ACTIVITY_BOOK, hash=head.last_hash)


def verify_activity() -> Iterator[Finding]:
    """Yield everything that is wrong with the chains of activity."""
    yield from find_activity_orphans()
    yield from findings_in(activity_steps())


def missing_activity_heads(heads: Iterable[Head]) -> Iterator[Head]:
    """Those of the heads that aren't in their chains any more."""
    for batch in batches_of(heads, length=HEADS_AT_ONCE):
        rows = ActivityRow.objects.filter(hash__in=[head.hash for head in batch])
        known = set(rows.values_list("workspace_id", "hash"))
        for head in batch:
            if head.hash != GENESIS_HASH and (head.workspace_id, head.hash) not in known:
                yield head


def count_activity() -> int:
    """How many rows the heads count."""
    return ActivityHead.objects.aggregate(count=Sum("last_sequence"))["count"] or 0


def find_activity_orphans() -> Iterator[Finding]:
    """Every row belongs to a chain that has a head."""
    scopes = ActivityRow.objects.order_by().values_list("workspace_id", flat=True).distinct()
    for batch in batches_of(scopes.iterator(chunk_size=CHUNK_SIZE), length=HEADS_AT_ONCE):
        by_scope = {workspace_id.hex if workspace_id else SITE: workspace_id for workspace_id in batch}
        known = set(ActivityHead.objects.filter(pk__in=by_scope).values_list("pk", flat=True))
        for scope in sorted(by_scope.keys() - known):
            yield _no_head(by_scope[scope])


def _no_head(workspace_id: uuid.UUID | None) -> Finding:
    text = gettext_noop("There is activity, but nothing counts it.")
    return Finding(code="wallet", text=text, workspace_id=workspace_id, book=ACTIVITY_BOOK)


def activity_steps(position: Any = None, verified: VerifiedHeads = FROM_THE_BEGINNING) -> Iterator[Step]:
    """Verify all chains, each from its verified head or its beginning; go on from a mark's position if given."""
    heads = ActivityHead.objects.order_by("scope")
    if position:
        chain = _Chain(*position)
        if not chain.is_done:
            yield from _steps_along(chain)
        heads = rows_after(heads, chain.scope)
    while scopes := list(heads.values_list("scope", flat=True)[:CHUNK_SIZE]):
        for scope in scopes:
            chain = _Chain(scope)
            if (start := verified.start_of(chain.workspace_id, ACTIVITY_BOOK)) and start.sequence is not None:
                chain.sequence, chain.last_hash = start.sequence, start.hash
            yield from _steps_along(chain)
        heads = rows_after(ActivityHead.objects.order_by("scope"), scopes[-1])


def _workspace_of(scope: str) -> uuid.UUID | None:
    return None if scope == SITE else uuid.UUID(scope)


@dataclass
class _Chain:
    """One chain, as far as it was verified. The fields, in their order, are the position of a mark."""

    scope: str
    is_done: bool = False
    sequence: int = 0
    last_hash: str = GENESIS_HASH

    @property
    def workspace_id(self) -> uuid.UUID | None:
        return _workspace_of(self.scope)

    @property
    def position(self) -> list[Any]:
        return [self.scope, self.is_done, self.sequence, self.last_hash]

    def add(self, row: ActivityRow) -> Iterator[Finding]:
        """Yield every problem with the next row, then take it into account."""
        finding = partial(Finding, workspace_id=self.workspace_id, book=ACTIVITY_BOOK, sequence=row.sequence)
        if row.sequence != self.sequence + 1:
            yield finding(
                code="sequence",
                text=gettext_noop("A row is missing: #%(after)s follows #%(before)s."),
                values={"after": str(row.sequence), "before": str(self.sequence)},
                expected=self.sequence + 1,
                found=row.sequence,
            )
        elif row.previous_hash != self.last_hash:
            yield finding(
                code="chain",
                text=gettext_noop("Its previous hash doesn't match the row before it."),
                expected=self.last_hash,
                found=row.previous_hash,
            )
        recomputed_hash = row_hash(row)
        if row.hash_version != HASH_VERSION or row.hash != recomputed_hash:
            yield finding(
                code="hash",
                text=gettext_noop("It was changed: its hash doesn't match its contents."),
                expected=recomputed_hash,
                found=row.hash,
            )
        self.sequence, self.last_hash = row.sequence, row.hash


def _steps_along(chain: _Chain) -> Iterator[Step]:
    head = ActivityHead.objects.filter(pk=chain.scope).first()
    if head is None:
        yield _no_head(chain.workspace_id)
        return
    finding = partial(Finding, code="head", workspace_id=chain.workspace_id, book=ACTIVITY_BOOK)

    def compare() -> Iterator[Finding]:
        if head.last_hash != chain.last_hash:
            yield finding(
                text=gettext_noop("The last hash that is written down doesn't match the last row."),
                sequence=chain.sequence or None,
                expected=chain.last_hash,
                found=head.last_hash,
            )

    head_seen = head.last_sequence == chain.sequence
    if head_seen:
        yield from compare()
    for rows in _ranges_of(chain.workspace_id, after=chain.sequence):
        row_count = 0
        for row in rows:
            yield from chain.add(row)
            row_count += 1
            if row.sequence == head.last_sequence:
                head_seen = True
                yield from compare()
        yield Mark(position=chain.position, row_count=row_count)
    if not head_seen:
        yield finding(
            text=gettext_noop("The chain counts %(head)s rows, but the last one found is #%(last)s."),
            values={"head": head.last_sequence, "last": str(chain.sequence)},
            expected=head.last_sequence,
            found=chain.sequence,
        )
    elif chain.sequence > head.last_sequence:
        # Written since the head was read, or slipped in past it?
        head.refresh_from_db()
        if head.last_sequence < chain.sequence:
            yield finding(
                text=gettext_noop("The chain doesn't count this row."),
                sequence=chain.sequence,
                expected=head.last_sequence,
                found=chain.sequence,
            )
    chain.is_done = True
    reached = Head(workspace_id=chain.workspace_id, book=ACTIVITY_BOOK, hash=chain.last_hash, sequence=chain.sequence)
    yield Mark(position=chain.position, row_count=0, head=reached)


def _ranges_of(workspace_id: uuid.UUID | None, *, after: int) -> Iterator[QuerySet[ActivityRow]]:
    """The rows of a chain in ranges of their sequence. Without a LIMIT, no number that exists twice is passed over."""
    scope = Q(workspace__isnull=True) if workspace_id is None else Q(workspace=workspace_id)
    chain = ActivityRow.objects.filter(scope).order_by("sequence")
    sequences = chain.values_list("sequence", flat=True)
    start = (sequences.filter(sequence__gt=after) if after else sequences).first()
    while start is not None:
        end = start + CHUNK_SIZE
        yield chain.filter(sequence__gte=start, sequence__lt=end)
        start = sequences.filter(sequence__gte=end).first()
