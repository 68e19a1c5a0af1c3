"""Whose clip is next: hand-picked cases and random queues."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tchavi_studio.generations.upstream.fairness import Member, Waiting, by_workspace, fair_order, within_limit

from .conftest import START

LAGUNE, NIGER = UUID(int=1), UUID(int=2)
AWA, BINTOU, CHEIKH = 1, 2, 3


def waiting(number: int, workspace: UUID, person: int | None, *, second: int | None = None) -> Waiting:
    return Waiting(
        generation_id=UUID(int=number),
        workspace_id=workspace,
        creator_id=person,
        model="seedance-2",
        created_at=START + timedelta(seconds=number if second is None else second),
    )


def batch(first: int, count: int, workspace: UUID, person: int) -> list[Waiting]:
    return [waiting(number, workspace, person) for number in range(first, first + count)]


def numbers(clips: list[Waiting]) -> list[int]:
    return [clip.generation_id.int for clip in clips]


# --- By hand ----------------------------------------------------------------------------------------------------------


def test_one_persons_clips_go_in_order() -> None:
    clips = batch(1, 5, LAGUNE, AWA)
    assert numbers(fair_order(reversed(clips), open_by_member={})) == [1, 2, 3, 4, 5]
    assert fair_order([], open_by_member={}) == []


def test_a_batch_of_200_delays_only_its_author() -> None:
    clips = [
        *batch(1, 200, LAGUNE, AWA),
        waiting(1001, LAGUNE, BINTOU),
        waiting(1002, NIGER, CHEIKH),
        waiting(1003, NIGER, CHEIKH),
    ]
    order = numbers(fair_order(clips, open_by_member={}))
    assert order[:5] == [1, 1002, 1001, 1003, 2]
    assert order[5:] == list(range(3, 201))


def test_clips_at_the_provider_count_as_turns_taken() -> None:
    clips = [waiting(1, LAGUNE, AWA), waiting(2, LAGUNE, AWA), waiting(3, NIGER, CHEIKH), waiting(4, NIGER, CHEIKH)]
    assert numbers(fair_order(clips, open_by_member={(LAGUNE, AWA): 2})) == [3, 4, 1, 2]
    assert numbers(fair_order(clips, open_by_member={(LAGUNE, BINTOU): 1})) == [3, 1, 4, 2]


def test_members_take_turns_within_their_workspaces_turn() -> None:
    clips = [*batch(1, 3, LAGUNE, AWA), *batch(11, 2, LAGUNE, BINTOU), waiting(21, NIGER, CHEIKH)]
    assert numbers(fair_order(clips, open_by_member={})) == [1, 21, 11, 2, 12, 3]
    assert numbers(fair_order(clips, open_by_member={(LAGUNE, AWA): 1})) == [21, 11, 1, 12, 2, 3]


def test_more_members_do_not_mean_more_turns() -> None:
    crowd = [waiting(100 + person, LAGUNE, person) for person in range(10)]
    alone = batch(1, 10, NIGER, CHEIKH)
    order = fair_order([*crowd, *alone], open_by_member={})
    assert Counter(clip.workspace_id for clip in order[:10]) == {LAGUNE: 5, NIGER: 5}


def test_former_members_count_as_one_person() -> None:
    clips = [waiting(1, LAGUNE, None), waiting(2, LAGUNE, None), waiting(3, LAGUNE, AWA)]
    assert numbers(fair_order(clips, open_by_member={})) == [1, 3, 2]


def test_ties_are_broken_by_id() -> None:
    clips = [waiting(number, LAGUNE, number, second=0) for number in (3, 1, 2)]
    assert numbers(fair_order(clips, open_by_member={})) == [1, 2, 3]


def test_a_workspace_has_a_limit_at_the_provider() -> None:
    clips = [*batch(1, 5, LAGUNE, AWA), *batch(11, 2, NIGER, CHEIKH)]
    allowed = within_limit(clips, open_by_member={(LAGUNE, AWA): 1, (LAGUNE, BINTOU): 1}, max_per_workspace=4)
    assert numbers(allowed) == [1, 2, 11, 12]
    assert within_limit(clips, open_by_member={(LAGUNE, AWA): 9, (NIGER, AWA): 4}, max_per_workspace=4) == []


def test_counts_by_workspace() -> None:
    counts = by_workspace({(LAGUNE, AWA): 2, (LAGUNE, None): 1, (NIGER, AWA): 4})
    assert counts == {LAGUNE: 3, NIGER: 4}


# --- By chance --------------------------------------------------------------------------------------------------------

MEMBERS = [(UUID(int=1 + workspace), person) for workspace in range(3) for person in (None, 1, 2)]


@st.composite
def queues(draw: st.DrawFn) -> tuple[list[Waiting], dict[Member, int]]:
    clips = [
        waiting(number, *draw(st.sampled_from(MEMBERS)), second=draw(st.integers(0, 5)))
        for number in range(draw(st.integers(0, 24)))
    ]
    return clips, draw(st.dictionaries(st.sampled_from(MEMBERS), st.integers(0, 5)))


@given(queues(), st.randoms(use_true_random=False))
@hypothesis_settings(max_examples=60, deadline=None)
def test_the_order_is_total_and_depends_only_on_the_queue(
    queue: tuple[list[Waiting], dict[Member, int]], chance: Random
) -> None:
    clips, open_by_member = queue
    order = fair_order(clips, open_by_member=open_by_member)
    assert Counter(order) == Counter(clips)
    shuffled = [*clips]
    chance.shuffle(shuffled)
    assert fair_order(shuffled, open_by_member=open_by_member) == order


@given(queues())
@hypothesis_settings(max_examples=60, deadline=None)
def test_nobody_is_served_before_someone_with_fewer_turns(
    queue: tuple[list[Waiting], dict[Member, int]],
) -> None:
    """Among workspaces, and among each one's members, whoever is served has had no more turns than those waiting."""
    clips, open_by_member = queue
    order = fair_order(clips, open_by_member=open_by_member)
    workspace_turns, member_turns = by_workspace(open_by_member), Counter(open_by_member)
    for position, clip in enumerate(order):
        member = (clip.workspace_id, clip.creator_id)
        for other in order[position + 1 :]:
            assert workspace_turns[clip.workspace_id] <= workspace_turns[other.workspace_id]
            if other.workspace_id == clip.workspace_id:
                assert member_turns[member] <= member_turns[(other.workspace_id, other.creator_id)]
        workspace_turns[clip.workspace_id] += 1
        member_turns[member] += 1


@given(queues())
@hypothesis_settings(max_examples=60, deadline=None)
def test_each_persons_clips_keep_their_order(queue: tuple[list[Waiting], dict[Member, int]]) -> None:
    clips, open_by_member = queue
    order = fair_order(clips, open_by_member=open_by_member)
    for member in MEMBERS:
        own = [clip for clip in order if (clip.workspace_id, clip.creator_id) == member]
        assert all((a.created_at, a.generation_id) < (b.created_at, b.generation_id) for a, b in pairwise(own))


@given(queues(), st.integers(1, 6))
@hypothesis_settings(max_examples=60, deadline=None)
def test_the_limit_is_reached_but_not_exceeded(queue: tuple[list[Waiting], dict[Member, int]], max_open: int) -> None:
    clips, open_by_member = queue
    order = fair_order(clips, open_by_member=open_by_member)
    allowed = within_limit(order, open_by_member=open_by_member, max_per_workspace=max_open)
    assert allowed == [clip for clip in order if clip in set(allowed)], "the order is kept"
    already = by_workspace(open_by_member)
    for workspace in {clip.workspace_id for clip in clips}:
        waits = sum(clip.workspace_id == workspace for clip in clips)
        goes = sum(clip.workspace_id == workspace for clip in allowed)
        assert goes == min(waits, max(0, max_open - already[workspace]))
