"""Whose clip is next: round-robin between workspaces, and between the members of each."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

Member = tuple[UUID, int | None]
"""The ids of a workspace and of a person."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A clip waiting to be sent. Before `not_before` it goes only if no other clip is waiting."""

    generation_id: UUID
    workspace_id: UUID
    creator_id: int | None
    model: str
    created_at: datetime
    not_before: datetime | None = None


def fair_order(waiting: Iterable[Waiting], *, open_by_member: Mapping[Member, int]) -> list[Waiting]:
    """The clips in `waiting`, in the order they should be sent.

    Workspaces take turns, and so do the members of each. Clips already at the provider (`open_by_member`) count as
    turns taken. So a batch of 200 delays nobody but its author.
    """
    turns_of_member = Counter(open_by_member)
    turns_of_workspace = by_workspace(open_by_member)

    clips_of_workspace: defaultdict[UUID, list[tuple[int, datetime, UUID, Waiting]]] = defaultdict(list)
    for clip in sorted(waiting, key=lambda clip: (clip.created_at, clip.generation_id)):
        member = (clip.workspace_id, clip.creator_id)
        turns_of_member[member] += 1
        clips_of_workspace[clip.workspace_id].append(
            (turns_of_member[member], clip.created_at, clip.generation_id, clip)
        )

    turns: list[tuple[int, datetime, UUID, Waiting]] = []
    for workspace_id, clips in clips_of_workspace.items():
        for turn, (_member_turn, created_at, generation_id, clip) in enumerate(sorted(clips, key=lambda c: c[:3]), 1):
            turns.append((turns_of_workspace[workspace_id] + turn, created_at, generation_id, clip))
    return [clip for *_turn, clip in sorted(turns, key=lambda turn: turn[:3])]


def within_limit(
    ordered: Iterable[Waiting], *, open_by_member: Mapping[Member, int], max_per_workspace: int
) -> list[Waiting]:
    """The clips in `ordered` that may be sent now, with up to `max_per_workspace` per workspace at the provider."""
    counts = by_workspace(open_by_member)
    allowed = []
    for clip in ordered:
        if counts[clip.workspace_id] < max_per_workspace:
            counts[clip.workspace_id] += 1
            allowed.append(clip)
    return allowed


def by_workspace(open_by_member: Mapping[Member, int]) -> Counter[UUID]:
    counts: Counter[UUID] = Counter()
    for (workspace_id, _creator_id), count in open_by_member.items():
        counts[workspace_id] += count
    return counts
