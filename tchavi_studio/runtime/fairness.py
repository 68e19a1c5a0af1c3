"""Whose turn is next: round-robin between workspaces, and between the members of each.

What waits is known only by its place in a sequence, longest waiting first, so this works for any kind of work. Work of
which much is done at once goes by what is being done (`fair_order`); work done one by one, by who was served (`Turns`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Member = tuple[Any, Any]
"""The ids of a workspace and of a person, or of whatever else a workspace has several of."""

MAX_REMEMBERED = 10_000
"""Workspaces and members whose turns are remembered."""


def fair_order(waiting: Sequence[Member], *, open_by_member: Mapping[Member, int]) -> list[int]:
    """The positions in `waiting`, which says whose each waiting item is, in the order in which they should be served.

    Workspaces take turns, and so do the members of each; ties go to whoever has waited longer. Items being served
    (`open_by_member`) count as turns taken. So a batch of 200 delays nobody but its author.
    """
    # A turn and a position are sorted as one number, which takes a third of the time that sorting pairs does.
    length = len(waiting)
    turns_of_member = dict(open_by_member)
    keys_of_workspace: defaultdict[Any, list[int]] = defaultdict(list)
    for position, member in enumerate(waiting):
        turns_of_member[member] = turn = turns_of_member.get(member, 0) + 1
        keys_of_workspace[member[0]].append(turn * length + position)

    turns_of_workspace = by_workspace(open_by_member)
    turns: list[int] = []
    for workspace_id, keys in keys_of_workspace.items():
        keys.sort()
        turns += [turn * length + key % length for turn, key in enumerate(keys, turns_of_workspace[workspace_id] + 1)]
    turns.sort()
    return [key % length for key in turns]


def within_limit(
    waiting: Sequence[Member], *, open_by_member: Mapping[Member, int], max_per_workspace: int
) -> Iterator[int]:
    """The positions in `waiting`, in order, of what may be served now: each workspace has up to `max_per_workspace`."""
    counts = by_workspace(open_by_member)
    for position, (workspace_id, _person_id) in enumerate(waiting):
        if counts[workspace_id] < max_per_workspace:
            counts[workspace_id] += 1
            yield position


class Turns:
    """Who was served when, by this process. What it forgets at its end costs nobody more than a turn."""

    def __init__(self) -> None:
        self._served: dict[Any, int] = {}
        self._count = 0

    def next_in(self, waiting: Sequence[Member]) -> int:
        """The position in `waiting` of whoever's turn it is: the workspace, then its member, served longest ago."""
        return min(
            range(len(waiting)),
            key=lambda position: (
                self._served.get(waiting[position][0], 0),
                self._served.get(waiting[position], 0),
                position,
            ),
        )

    def note(self, member: Member) -> None:
        """`member` is being served."""
        if len(self._served) >= MAX_REMEMBERED:
            self._served.clear()
        self._count += 1
        self._served[member[0]] = self._served[member] = self._count


def by_workspace(open_by_member: Mapping[Member, int]) -> Counter[Any]:
    counts: Counter[Any] = Counter()
    for (workspace_id, _person_id), count in open_by_member.items():
        counts[workspace_id] += count
    return counts
