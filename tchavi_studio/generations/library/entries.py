"""Writes to the gallery's index. Each belongs to the transaction of the change to the clip.

The counts of months are written last, after the wallet's lock if that is taken at all, and in one order: so they can't
deadlock.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from itertools import count
from typing import TYPE_CHECKING, cast
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet, Sum, Value

from tchavi_studio.words import words_of
from tchavi_studio.workspaces.models import Workspace
from tchavi_studio.workspaces.time_zones import month_of

from .models import IS_LISTED, KEYS_PER_MICROSECOND, LibraryEntry, LibraryMonth, Outcome, counted_lists, first_key_at

if TYPE_CHECKING:
    from tchavi_studio.generations.models import Generation

_low_bits = count(secrets.randbelow(KEYS_PER_MICROSECOND))
"""Different for a process's clips of one microsecond, and by chance for those of other processes."""

MonthOfList = tuple[UUID, int, date]
Counts = defaultdict[MonthOfList, list[int]]


def entry_of(generation: "Generation", *, has_references: bool, has_sound: bool) -> LibraryEntry:
    """The entry of a clip, not yet saved."""
    outcomes = {"completed": Outcome.DONE, "failed": Outcome.FAILED, "cancelled": Outcome.CANCELLED}
    return LibraryEntry(
        key=first_key_at(generation.created_at) + next(_low_bits) % KEYS_PER_MICROSECOND,
        generation=generation,
        workspace_id=generation.workspace_id,
        creator_id=generation.creator_id,
        month=month_of(generation.workspace, generation.created_at),
        is_shared=generation.is_shared,
        is_listed=generation.deleted_at is None and generation.dismissed_at is None,
        outcome=outcomes.get(generation.state, Outcome.OPEN),
        model=generation.model,
        aspect_ratio=generation.aspect_ratio,
        resolution=generation.resolution,
        billed_seconds=generation.billed_seconds,
        has_sound=has_sound,
        has_references=has_references,
        price_credits=generation.price_credits,
        words=" ".join(words_of(generation.prompt)),
    )


def enter_clips(generations: "Iterable[Generation]", *, has_references: bool) -> None:
    """Enter new clips. Those of test keys stay out: only programs see them."""
    entries = [
        entry_of(generation, has_references=has_references, has_sound=generation.generate_audio)
        for generation in generations
        if not generation.is_test
    ]
    LibraryEntry.objects.bulk_create(entries)
    counts = _no_counts()
    for entry in entries:
        _count(entry, counts, by=1)
    _write(counts)


def change_entries(entries: QuerySet[LibraryEntry], **changes: object) -> None:
    """Change entries, and the counts with them."""
    found = list(entries.select_for_update().order_by("key"))
    counts = _no_counts()
    for entry in found:
        _count(entry, counts, by=-1)
        for name, value in changes.items():
            setattr(entry, name, value)
        _count(entry, counts, by=1)
    LibraryEntry.objects.filter(key__in=[entry.key for entry in found]).update(**changes)
    _write(counts)


def entries_of(generations: Iterable[UUID]) -> QuerySet[LibraryEntry]:
    """The entries of these clips, by their ids."""
    return LibraryEntry.objects.filter(generation__in=list(generations))


def forget_clips(generations: Iterable[UUID]) -> None:
    """Take clips that are about to be deleted for good out of the counts. Their entries go with their rows."""
    change_entries(entries_of(generations), is_listed=False)


def recount_months(*, workspace: Workspace) -> None:
    """Count a workspace's months anew, after clips were entered in bulk."""
    with transaction.atomic():
        LibraryMonth.objects.filter(workspace=workspace).delete()
        LibraryMonth.objects.bulk_create(counted_months(workspace))


def counted_months(workspace: Workspace) -> list[LibraryMonth]:
    """The months that a workspace's entries add up to, not yet saved. Reads all of them."""
    spent = Sum("price_credits", filter=Q(outcome__in=[Outcome.OPEN, Outcome.DONE]), default=0)
    totals = {"clips": Count("pk"), "spent": spent}
    listed = LibraryEntry.objects.filter(IS_LISTED, workspace=workspace).order_by()
    own = listed.filter(creator__isnull=False).values_list("creator", "month").annotate(**totals)
    shared = listed.filter(is_shared=True).values_list(Value(0), "month").annotate(**totals)
    return [
        LibraryMonth(
            workspace=workspace, owner_id=owner_id, month=month, clip_count=clip_count, spent_credits=spent_credits
        )
        for owner_id, month, clip_count, spent_credits in cast("Iterable[tuple[int, date, int, int]]", [*own, *shared])
    ]


def _no_counts() -> Counts:
    return defaultdict(lambda: [0, 0])


def _count(entry: LibraryEntry, counts: Counts, *, by: int) -> None:
    for owner_id in counted_lists(entry):
        totals = counts[entry.workspace_id, owner_id, entry.month]
        totals[0] += by
        totals[1] += by * entry.spent_credits


def _write(counts: Counts) -> None:
    for (workspace_id, owner_id, month), (clip_count, spent_credits) in sorted(counts.items()):
        if not clip_count and not spent_credits:
            continue
        rows = LibraryMonth.objects.filter(workspace=workspace_id, owner_id=owner_id, month=month)
        changes = {"clip_count": F("clip_count") + clip_count, "spent_credits": F("spent_credits") + spent_credits}
        if not rows.update(**changes):
            empty = LibraryMonth(
                workspace_id=workspace_id, owner_id=owner_id, month=month, clip_count=0, spent_credits=0
            )
            LibraryMonth.objects.bulk_create([empty], ignore_conflicts=True)
            rows.update(**changes)
