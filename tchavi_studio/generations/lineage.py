"""What a clip was made from, what was made from it, and what all of that cost, as far as a viewer sees it.

What the viewer doesn't see counts neither in lists nor in sums, and nor does what was made from it: the branch ends.
Each read is bounded, in statements and in rows, however large the tree is. What lies beyond is said to be there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings

from tchavi_studio.long_lists import rows_after
from tchavi_studio.workspaces.models import Membership

from .models import IS_SHOWN, Generation, State
from .visibility import FEEDS, clips_in_scope, is_visible_to, visible_to

CHILDREN_LENGTH = 12
"""How many children are on a page."""

MAX_BRANCH_CLIPS = 500
"""As many clips of a branch are counted and added up."""

MAX_BRANCH_DEPTH = 5
"""So many generations of a branch are counted and added up, with two statements each."""

ABOVE = "parent__parent__parent__parent"
"""So many clips above the parent's parent are looked at, in the statement that finds it."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """A clip made from the one that is shown, with what was made from it in turn."""

    clip: Generation
    later_count: int
    later_credits: int

    @property
    def credits(self) -> int:
        return credits_of(self.clip)


@dataclass(frozen=True, kw_only=True)
class ChildrenPage:
    """Some of a clip's children, the latest first. `after` is where the next page starts, None on the last one."""

    children: list[Child]
    after: tuple[datetime, UUID] | None


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """A clip's place among its relatives.

    `above` are the parent's parent and those before it, the nearest first; `is_more_above` if there are even more.
    The branch is the clip itself with all that was made from it, directly or not; if `is_partial`, there may be more of
    it than was counted.
    """

    parent: Generation | None
    above: list[Generation]
    is_more_above: bool
    page: ChildrenPage
    child_count: int
    branch_count: int
    branch_credits: int
    is_partial: bool

    @property
    def is_empty(self) -> bool:
        return self.parent is None and not self.page.children

    @property
    def parent_credits(self) -> int:
        return credits_of(self.parent) if self.parent else 0

    @property
    def credits_with_parent(self) -> int:
        return self.branch_credits + self.parent_credits


def credits_of(clip: Generation) -> int:
    """What a clip cost in the book that is in force: nothing if it was refunded."""
    return _credits(clip.price_credits, clip.state, clip.book)


def _credits(price_credits: int, state: str, book: str) -> int:
    is_refunded = state in (State.FAILED, State.CANCELLED)
    return 0 if is_refunded or book != settings.STUDIO_BOOK else price_credits


def lineage_for_viewer(
    *, membership: Membership, clip: Generation, after: tuple[datetime, UUID] | None = None
) -> Lineage:
    """The relatives of a clip that the viewer sees, its children from the position `after` on.

    The clip comes with its parent, and that with what a list shows of it (`queries.clip_for_viewer`).
    """
    parent = clip.parent if clip.parent is not None and is_visible_to(membership, clip.parent) else None
    above, is_more_above = _above(membership, parent)
    branch = _Branch(membership, clip)
    children = _children(membership, clip, after)
    page = ChildrenPage(
        children=[
            Child(clip=child, later_count=len(later), later_credits=sum(later))
            for child in children[:CHILDREN_LENGTH]
            for later in [branch.costs_below(child.pk)]
        ],
        after=(children[CHILDREN_LENGTH - 1].created_at, children[CHILDREN_LENGTH - 1].pk)
        if len(children) > CHILDREN_LENGTH
        else None,
    )
    below = branch.costs_below(clip.pk)
    return Lineage(
        parent=parent,
        above=above,
        is_more_above=is_more_above,
        page=page,
        child_count=len(branch.children_of(clip.pk)),
        branch_count=1 + len(below),
        branch_credits=credits_of(clip) + sum(below),
        is_partial=branch.is_partial,
    )


def _above(membership: Membership, parent: Generation | None) -> tuple[list[Generation], bool]:
    """The clips above `parent` that the viewer sees, the nearest first, and whether there are more. One statement."""
    if parent is None or parent.parent_id is None:
        return [], False
    clips = visible_to(membership).filter(pk=parent.parent_id).select_related(ABOVE)
    above: list[Generation] = []
    clip = clips.first()
    while clip is not None and is_visible_to(membership, clip):
        above.append(clip)
        if len(above) > ABOVE.count("parent"):
            return above, clip.parent_id is not None
        clip = clip.parent
    return above, False


def _children(membership: Membership, clip: Generation, after: tuple[datetime, UUID] | None) -> list[Generation]:
    """A page of children and one more, the latest first. Two statements: no index serves "own or shared"."""
    found: dict[UUID, Generation] = {}
    for scope in FEEDS:
        children = clips_in_scope(membership, scope).filter(IS_SHOWN, parent=clip).select_related("creator", "output")
        ordered = children.order_by("-created_at", "-id")
        page = rows_after(ordered, *after) if after else ordered
        found |= {child.pk: child for child in page[: CHILDREN_LENGTH + 1]}
    latest_first = sorted(found.values(), key=lambda child: (child.created_at, child.pk), reverse=True)
    return latest_first[: CHILDREN_LENGTH + 1]


class _Branch:
    """The clips below one, generation by generation."""

    def __init__(self, membership: Membership, clip: Generation) -> None:
        self.is_partial = False
        self._membership = membership
        self._children: dict[UUID, list[UUID]] = {}
        self._costs: dict[UUID, int] = {}
        generation = [clip.pk]
        for depth in range(MAX_BRANCH_DEPTH + 1):
            generation = self._next(generation, is_counted=depth < MAX_BRANCH_DEPTH)
            if not generation:
                break

    def children_of(self, clip_id: UUID) -> list[UUID]:
        return self._children.get(clip_id, [])

    def costs_below(self, clip_id: UUID) -> list[int]:
        """What each clip below one cost."""
        return list(self._below(clip_id))

    def _below(self, clip_id: UUID) -> Iterator[int]:
        for child_id in self.children_of(clip_id):
            yield self._costs[child_id]
            yield from self._below(child_id)

    def _next(self, parents: Iterable[UUID], *, is_counted: bool) -> list[UUID]:
        """Take up what was made from `parents`, and return its ids; or just look whether there is anything."""
        ids = list(parents)
        found: list[UUID] = []
        for scope in FEEDS:
            room = MAX_BRANCH_CLIPS - len(self._costs) if is_counted else 0
            clips = clips_in_scope(self._membership, scope).filter(IS_SHOWN, parent__in=ids)
            # Of those already taken up, no more than there are can be in the way.
            rows = clips.values_list("pk", "parent", "price_credits", "state", "book")[: room + len(found) + 1]
            for pk, parent_id, price_credits, state, book in rows:
                if pk in self._costs:
                    continue
                if len(self._costs) == MAX_BRANCH_CLIPS or not is_counted:
                    self.is_partial = True
                    break
                assert parent_id is not None
                self._costs[pk] = _credits(price_credits, state, book)
                self._children.setdefault(parent_id, []).append(pk)
                found.append(pk)
        return found
