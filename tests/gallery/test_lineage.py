"""What a clip was made from, what was made from it, and what the branch cost."""

import re

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.generations import lineage as lineages
from tchavi_studio.generations.lineage import Lineage, lineage_for_viewer
from tchavi_studio.generations.models import Generation, Remix, State
from tchavi_studio.generations.queries import clip_for_viewer
from tchavi_studio.workspaces.models import Membership, Role, User, Visibility, Workspace
from tests.gallery.conftest import HTMX, MakeClip, Url, change, text_of
from tests.plans import listed_by_index

SHARED = Visibility.WORKSPACE


@pytest.fixture
def bob_here(bob: User, workspace: Workspace) -> Membership:
    return Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)


def lineage_of(clip: Generation, membership: Membership) -> Lineage:
    found = clip_for_viewer(membership=membership, generation_id=clip.pk)
    return lineage_for_viewer(membership=membership, clip=found)


def test_a_branch_is_a_clip_with_all_that_was_made_from_it(membership: Membership, make_clip: MakeClip) -> None:
    """The story of the target: 2,900 and three children, one of which has a child, below a draft of 1,300."""
    draft = make_clip(price_credits=1_300)
    clip = make_clip(price_credits=2_900, parent=draft, remix=Remix.NO_SEED)
    first = make_clip(price_credits=5_800, parent=clip, remix=Remix.PROMPT)
    second = make_clip(price_credits=2_900, parent=clip, remix=Remix.LAST_FRAME)
    make_clip(price_credits=1_300, parent=second)
    third = make_clip(price_credits=1_300, parent=clip, remix=Remix.EVERYTHING)
    found = lineage_of(clip, membership)
    assert (found.parent, found.parent_credits, found.above, found.is_more_above) == (draft, 1_300, [], False)
    assert [(child.clip, child.credits, child.later_count, child.later_credits) for child in found.page.children] == [
        (third, 1_300, 0, 0),
        (second, 2_900, 1, 1_300),
        (first, 5_800, 0, 0),
    ]
    assert (found.child_count, found.branch_count, found.branch_credits, found.credits_with_parent) == (
        3,
        5,
        14_200,
        15_500,
    )
    assert (found.is_partial, found.is_empty, found.page.after) == (False, False, None)


def test_what_was_refunded_costs_nothing_and_the_bin_counts_not(membership: Membership, make_clip: MakeClip) -> None:
    clip = make_clip()
    make_clip(State.FAILED, parent=clip)
    make_clip(State.PROCESSING, parent=clip)
    gone = make_clip(parent=clip)
    change(gone, deleted_at=gone.created_at)
    found = lineage_of(clip, membership)
    assert (found.branch_count, found.branch_credits) == (3, 2_600)


def test_what_a_viewer_does_not_see_counts_nowhere(
    membership: Membership, bob: User, bob_here: Membership, make_clip: MakeClip
) -> None:
    clip = make_clip(visibility=SHARED)
    private = make_clip(parent=clip, creator=bob)
    make_clip(parent=private, creator=bob, visibility=SHARED)
    make_clip(parent=clip, creator=bob, visibility=SHARED)
    mine, theirs = lineage_of(clip, membership), lineage_of(clip, bob_here)
    assert (len(mine.page.children), mine.child_count, mine.branch_count, mine.branch_credits) == (1, 1, 2, 2_600)
    assert (len(theirs.page.children), theirs.child_count, theirs.branch_count, theirs.branch_credits) == (
        2,
        2,
        4,
        5_200,
    )


def test_a_private_parent_and_all_above_it_stay_unknown(
    membership: Membership, bob: User, bob_here: Membership, make_clip: MakeClip
) -> None:
    oldest = make_clip(visibility=SHARED)
    private = make_clip(parent=oldest, creator=bob)
    clip = make_clip(parent=private, creator=bob, visibility=SHARED)
    child = make_clip(parent=clip)
    assert (lineage_of(clip, membership).parent, lineage_of(clip, membership).credits_with_parent) == (None, 2_600)
    assert lineage_of(clip, bob_here).above == [oldest]
    assert (lineage_of(child, membership).parent, lineage_of(child, membership).above) == (clip, [])


@pytest.mark.parametrize(("depth", "above", "is_more"), [(1, 0, False), (2, 1, False), (6, 5, False), (7, 5, True)])
def test_what_lies_above_the_parent_is_folded(
    membership: Membership, make_clip: MakeClip, depth: int, above: int, is_more: bool
) -> None:
    clips = [make_clip()]
    for _number in range(depth):
        clips.append(make_clip(parent=clips[-1]))
    found = lineage_of(clips[-1], membership)
    assert (found.parent, len(found.above), found.is_more_above) == (clips[-2], above, is_more)
    assert found.above == clips[-3::-1][:above]


def test_deep_and_wide_branches_are_counted_up_to_a_bound(
    membership: Membership, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [make_clip()]
    for _number in range(4):
        clips.append(make_clip(parent=clips[-1], visibility=SHARED))
    monkeypatch.setattr(lineages, "MAX_BRANCH_DEPTH", 4)
    deep = lineage_of(clips[0], membership)
    assert (deep.branch_count, deep.branch_credits, deep.is_partial) == (5, 6_500, False)
    monkeypatch.setattr(lineages, "MAX_BRANCH_DEPTH", 3)
    deep = lineage_of(clips[0], membership)
    assert (deep.branch_count, deep.branch_credits, deep.is_partial) == (4, 5_200, True)
    monkeypatch.setattr(lineages, "MAX_BRANCH_CLIPS", 2)
    deep = lineage_of(clips[0], membership)
    assert (deep.branch_count, deep.branch_credits, deep.is_partial) == (3, 3_900, True)


def test_children_come_in_pages(
    alice_browser: Client, bob: User, url: Url, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineages, "CHILDREN_LENGTH", 2)
    clip = make_clip()
    children = [
        make_clip(parent=clip),
        make_clip(parent=clip, creator=bob, visibility=SHARED),
        make_clip(parent=clip, visibility=SHARED),
        make_clip(parent=clip, creator=bob, visibility=SHARED),
        make_clip(parent=clip),
    ]
    seen: list[str] = []
    address = url("clip", clip)
    while address:
        page = text_of(alice_browser.get(address, headers=HTMX))
        seen += [found for found in re.findall(r'clips/([0-9a-f-]{36})/" data-clip', page) if found != str(clip.pk)]
        more = re.search(r'hx-get="([^"]+\?children=[^"]+)"', page)
        address = more[1] if more else ""
        assert len(seen) <= 5
    assert seen == [str(child.pk) for child in reversed(children)]
    assert alice_browser.get(url("clip", clip), {"children": "x"}).status_code == 400
    with listed_by_index(Generation):
        assert alice_browser.get(url("clip", clip), {"children": f"1.{clip.pk.hex}"}).status_code == 200


@pytest.mark.parametrize("count", [1, 3])
def test_statements_do_not_grow_with_children(
    membership: Membership, make_clip: MakeClip, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    top = make_clip()
    clip = make_clip(parent=make_clip(parent=top))
    for _number in range(count):
        make_clip(parent=make_clip(parent=clip))
    found = clip_for_viewer(membership=membership, generation_id=clip.pk)
    # One above, two for the children, and two for each generation, the last of which is empty.
    with django_assert_num_queries(9):
        assert lineage_for_viewer(membership=membership, clip=found).branch_count == 1 + 2 * count
    with listed_by_index(Generation):
        lineage_for_viewer(membership=membership, clip=found)


def test_the_page_says_all_that(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    oldest = make_clip()
    parent = make_clip(parent=oldest, resolution="720p")
    clip = make_clip(parent=parent, remix=Remix.NO_SEED)
    child = make_clip(parent=clip, remix=Remix.LAST_FRAME, model="kling-v3")
    make_clip(parent=child)
    page = text_of(alice_browser.get(url("clip", clip)))
    words = " ".join(re.sub(r"<[^>]+>", " ", page[page.index('<section class="lineage"') :]).split())
    assert words.startswith(
        "Lineage This branch: 3 clips · 3,900 credits · with its parent 6,800 +1 Seedance 2, 720p 2,900 · Alice "
        "All but the seed This clip 1,300 1 child 1 later clip 1 Last frame on, Kling v3 1,300 + 1,300 · Alice"
    )
    alone = text_of(alice_browser.get(url("clip", make_clip())))
    assert ("Lineage" in alone, 'value="lineage"' in alone) == (False, False)


def test_the_database_knows_the_kinds_of_remix(make_clip: MakeClip) -> None:
    clip = make_clip()
    for kind in ("", *Remix.values):
        Generation.objects.filter(pk=clip.pk).update(remix=kind)
    with pytest.raises(IntegrityError), transaction.atomic():
        Generation.objects.filter(pk=clip.pk).update(remix="half")
