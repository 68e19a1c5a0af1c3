"""Whose turn is next: round-robin between workspaces, and between the members of each.

What waits is known only by how long it has, so this works for any kind of work. Work of
which much is done at once goes by what is being done (`fair_order`); work done one by one, by who was served (`Turns`).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Any, TypeVar

Member = tuple[Any, Any]
"""The ids of a workspace and of a person, or of whatever else a workspace has several of."""

Item = TypeVar("Item", bound=Any)
"""Something that waits. Of two items, the lesser has waited longer."""

MAX_REMEMBERED = 10_000
"""Workspaces and members whose turns are remembered."""


def fair_order(
    queues: Mapping[Member, Iterator[Item]],
    *,
    open_by_member: Mapping[Member, int],
    is_full: Callable[[Any], bool] = lambda _workspace_id: False,
) -> Iterator[Item]:
    """The items of all `queues`, in the order in which they should be served. Each queue is ordered itself.

    Workspaces take turns, and so do the members of each; ties go to whoever has waited longer, which is the lesser
    item. Items being served (`open_by_member`) count as turns taken. So a batch of 200 delays nobody but its author.
    Once a workspace `is_full`, by its id, what is left of it is left out. Queues are read no further than needed.
    """
    members_of_workspace: defaultdict[Any, list[tuple[int, Item, Member]]] = defaultdict(list)
    for member, queue in queues.items():
        for item in islice(queue, 1):
            heappush(members_of_workspace[member[0]], (open_by_member.get(member, 0) + 1, item, member))
    turns_of_workspace = by_workspace(open_by_member)
    workspaces = [
        (turns_of_workspace[workspace_id] + 1, members[0][1], workspace_id)
        for workspace_id, members in members_of_workspace.items()
    ]
    heapify(workspaces)
    while workspaces:
        turn, item, workspace_id = heappop(workspaces)
        yield item
        if is_full(workspace_id):
            continue
        members = members_of_workspace[workspace_id]
        member_turn, _item, member = heappop(members)
        for following in islice(queues[member], 1):
            heappush(members, (member_turn + 1, following, member))
        if members:
            heappush(workspaces, (turn + 1, members[0][1], workspace_id))


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
