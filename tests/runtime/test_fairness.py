"""Whose turn is next: hand-picked cases and random queues."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tchavi_studio.runtime import fairness
from tchavi_studio.runtime.fairness import MAX_REMEMBERED, Member, Turns, by_workspace

LAGUNE, NIGER = UUID(int=1), UUID(int=2)
AWA, BINTOU, CHEIKH = 1, 2, 3


def fair_order(
    waiting: Sequence[Member], *, open_by_member: Mapping[Member, int], max_per_workspace: int | None = None
) -> list[int]:
    """The positions in `waiting`, which says whose each waiting item is, in the order in which they are served."""
    queues: defaultdict[Member, list[int]] = defaultdict(list)
    for position, member in enumerate(waiting):
        queues[member].append(position)
    counts = by_workspace(open_by_member)

    def is_full(workspace_id: object) -> bool:
        return max_per_workspace is not None and counts[workspace_id] >= max_per_workspace

    order = []
    for position in fairness.fair_order(
        {member: iter(queue) for member, queue in queues.items() if not is_full(member[0])},
        open_by_member=open_by_member,
        is_full=is_full,
    ):
        counts[waiting[position][0]] += 1
        order.append(position)
    return order


# --- By hand ----------------------------------------------------------------------------------------------------------


def test_one_persons_clips_go_in_order() -> None:
    assert fair_order([(LAGUNE, AWA)] * 5, open_by_member={}) == [0, 1, 2, 3, 4]
    assert fair_order([], open_by_member={}) == []


def test_a_batch_of_200_delays_only_its_author() -> None:
    waiting = [(LAGUNE, AWA)] * 200 + [(LAGUNE, BINTOU), (NIGER, CHEIKH), (NIGER, CHEIKH)]
    order = fair_order(waiting, open_by_member={})
    assert order[:5] == [0, 201, 200, 202, 1]
    assert order[5:] == list(range(2, 200))


def test_clips_at_the_provider_count_as_turns_taken() -> None:
    waiting = [(LAGUNE, AWA), (LAGUNE, AWA), (NIGER, CHEIKH), (NIGER, CHEIKH)]
    assert fair_order(waiting, open_by_member={(LAGUNE, AWA): 2}) == [2, 3, 0, 1]
    assert fair_order(waiting, open_by_member={(LAGUNE, BINTOU): 1}) == [2, 0, 3, 1]


def test_members_take_turns_within_their_workspaces_turn() -> None:
    waiting = [(LAGUNE, AWA)] * 3 + [(LAGUNE, BINTOU)] * 2 + [(NIGER, CHEIKH)]
    assert fair_order(waiting, open_by_member={}) == [0, 5, 3, 1, 4, 2]
    assert fair_order(waiting, open_by_member={(LAGUNE, AWA): 1}) == [5, 3, 0, 4, 1, 2]


def test_more_members_do_not_mean_more_turns() -> None:
    waiting = [(LAGUNE, person) for person in range(10)] + [(NIGER, CHEIKH)] * 10
    order = fair_order(waiting, open_by_member={})
    assert Counter(waiting[position][0] for position in order[:10]) == {LAGUNE: 5, NIGER: 5}


def test_former_members_count_as_one_person() -> None:
    assert fair_order([(LAGUNE, None), (LAGUNE, None), (LAGUNE, AWA)], open_by_member={}) == [0, 2, 1]


def test_a_workspace_has_a_limit_at_the_provider() -> None:
    waiting = [(LAGUNE, AWA)] * 5 + [(NIGER, CHEIKH)] * 2
    open_by_member: Mapping[Member, int] = {(LAGUNE, AWA): 1, (LAGUNE, BINTOU): 1}
    assert fair_order(waiting, open_by_member=open_by_member, max_per_workspace=4) == [5, 6, 0, 1]
    full: Mapping[Member, int] = {(LAGUNE, AWA): 9, (NIGER, AWA): 4}
    assert fair_order(waiting, open_by_member=full, max_per_workspace=4) == []


def test_queues_are_read_no_further_than_needed() -> None:
    read: list[tuple[str, int]] = []

    def queue(name: str, *positions: int) -> Iterator[int]:
        for position in positions:
            read.append((name, position))
            yield position

    order = fairness.fair_order(
        {(LAGUNE, AWA): queue("Awa", 0, 1, 2, 3), (NIGER, CHEIKH): queue("Cheikh", 4, 5, 6)}, open_by_member={}
    )
    assert [next(order), next(order)] == [0, 4]
    assert read == [("Awa", 0), ("Cheikh", 4), ("Awa", 1)]


def test_counts_by_workspace() -> None:
    counts = by_workspace({(LAGUNE, AWA): 2, (LAGUNE, None): 1, (NIGER, AWA): 4})
    assert counts == {LAGUNE: 3, NIGER: 4}


# --- By chance --------------------------------------------------------------------------------------------------------

MEMBERS: list[Member] = [(UUID(int=1 + workspace), person) for workspace in range(3) for person in (None, 1, 2)]
queues = st.tuples(
    st.lists(st.sampled_from(MEMBERS), max_size=24), st.dictionaries(st.sampled_from(MEMBERS), st.integers(0, 5))
)
Queue = tuple[list[Member], dict[Member, int]]


def plain_order(waiting: Sequence[Member], open_by_member: Mapping[Member, int]) -> list[int]:
    """The rule, one turn at a time: the workspace with the fewest turns, its member with the fewest, the longest wait.

    A member's next clip is the one that has waited longest, and a workspace's next is its next member's.
    """
    turns, turns_of_workspace = Counter(open_by_member), by_workspace(open_by_member)
    left, order = list(range(len(waiting))), list[int]()
    while left:
        next_of_workspace: dict[UUID, int] = {}
        for workspace in {waiting[position][0] for position in left}:
            own = [position for position in left if waiting[position][0] == workspace]
            next_of_workspace[workspace] = min(own, key=lambda position: (turns[waiting[position]], position))
        workspace, position = min(
            next_of_workspace.items(), key=lambda candidate: (turns_of_workspace[candidate[0]], candidate[1])
        )
        turns[waiting[position]] += 1
        turns_of_workspace[workspace] += 1
        left.remove(position)
        order.append(position)
    return order


@given(queues)
@hypothesis_settings(max_examples=200)
def test_the_order_is_that_of_the_plain_rule(queue: Queue) -> None:
    waiting, open_by_member = queue
    order = fair_order(waiting, open_by_member=open_by_member)
    assert order == plain_order(waiting, open_by_member)
    assert sorted(order) == list(range(len(waiting)))


@given(queues, st.sets(st.sampled_from([workspace for workspace, _person in MEMBERS])))
@hypothesis_settings(max_examples=60)
def test_leaving_out_a_workspace_does_not_change_the_order_of_the_others(queue: Queue, left_out: set[UUID]) -> None:
    waiting, open_by_member = queue
    kept = [position for position, member in enumerate(waiting) if member[0] not in left_out]
    order = fair_order([waiting[position] for position in kept], open_by_member=open_by_member)
    whole = fair_order(waiting, open_by_member=open_by_member)
    assert [kept[place] for place in order] == [place for place in whole if place in kept]


@given(queues)
@hypothesis_settings(max_examples=60)
def test_nobody_is_served_before_someone_with_fewer_turns(queue: Queue) -> None:
    """Among workspaces, and among each one's members, whoever is served has had no more turns than those waiting."""
    waiting, open_by_member = queue
    order = [waiting[position] for position in fair_order(waiting, open_by_member=open_by_member)]
    workspace_turns, member_turns = by_workspace(open_by_member), Counter(open_by_member)
    for place, member in enumerate(order):
        for other in order[place + 1 :]:
            assert workspace_turns[member[0]] <= workspace_turns[other[0]]
            if other[0] == member[0]:
                assert member_turns[member] <= member_turns[other]
        workspace_turns[member[0]] += 1
        member_turns[member] += 1


@given(queues)
@hypothesis_settings(max_examples=60)
def test_each_persons_clips_keep_their_order(queue: Queue) -> None:
    waiting, open_by_member = queue
    positions: defaultdict[Member, list[int]] = defaultdict(list)
    for position in fair_order(waiting, open_by_member=open_by_member):
        positions[waiting[position]].append(position)
    assert all(earlier < later for own in positions.values() for earlier, later in pairwise(own))


@given(queues, st.integers(1, 6))
@hypothesis_settings(max_examples=60)
def test_the_limit_is_reached_but_not_exceeded(queue: Queue, max_open: int) -> None:
    waiting, open_by_member = queue
    allowed = fair_order(waiting, open_by_member=open_by_member, max_per_workspace=max_open)
    whole = fair_order(waiting, open_by_member=open_by_member)
    assert allowed == [position for position in whole if position in allowed], "the order is kept"
    already = by_workspace(open_by_member)
    for workspace in {workspace for workspace, _person in waiting}:
        waits = sum(other == workspace for other, _person in waiting)
        goes = sum(waiting[position][0] == workspace for position in allowed)
        assert goes == min(waits, max(0, max_open - already[workspace]))


# --- One by one -------------------------------------------------------------------------------------------------------


def served(waiting: list[Member], turns: Turns) -> list[Member]:
    """Everybody in `waiting`, in the order in which they are served one by one."""
    waiting, order = list(waiting), []
    while waiting:
        order.append(waiting.pop(turns.next_in(waiting)))
        turns.note(order[-1])
    return order


def test_workspaces_and_their_members_take_turns() -> None:
    waiting = [(LAGUNE, AWA)] * 3 + [(LAGUNE, BINTOU)] * 2 + [(NIGER, CHEIKH)] * 2
    assert served(waiting, Turns()) == [
        (LAGUNE, AWA),
        (NIGER, CHEIKH),
        (LAGUNE, BINTOU),
        (NIGER, CHEIKH),
        (LAGUNE, AWA),
        (LAGUNE, BINTOU),
        (LAGUNE, AWA),
    ]


def test_turns_taken_before_count_once() -> None:
    turns = Turns()
    served([(LAGUNE, AWA)] * 40, turns)
    assert served([(LAGUNE, AWA)] * 2 + [(NIGER, CHEIKH)] * 2, turns) == [
        (NIGER, CHEIKH),
        (LAGUNE, AWA),
        (NIGER, CHEIKH),
        (LAGUNE, AWA),
    ]


def test_what_is_remembered_is_bounded() -> None:
    turns = Turns()
    for number in range(MAX_REMEMBERED):
        turns.note((UUID(int=number), AWA))
    assert len(turns._served) <= MAX_REMEMBERED
