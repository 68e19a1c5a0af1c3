"""Tags of clips."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from tchavi_studio.generations.library.entries import entries_of
from tchavi_studio.generations.models import Generation, LibraryEntry, Tag, Tagging
from tchavi_studio.generations.organising import tags
from tchavi_studio.generations.organising.queries import tag_completions, tag_named, tags_for_viewer, tags_of_clip
from tchavi_studio.generations.organising.tags import TagRefusedError, TooManyTagsError, tag_clips, untag_clip
from tchavi_studio.generations.services import WorkspaceArchivedError, cancel_generation, delete_for_good
from tchavi_studio.workspaces.models import Membership, Visibility, Workspace
from tests.plans import listed_by_index

Start = Callable[..., Generation]


def names_of(membership: Membership, clip: Generation) -> list[str]:
    return [tag.name for tag in tags_of_clip(membership, entries_of([clip.pk]).get())]


def test_one_spelling_is_one_tag(start: Start, membership: Membership, bob_here: Membership) -> None:
    clip, other = start(visibility=Visibility.WORKSPACE), start(visibility=Visibility.WORKSPACE)
    assert tag_clips(membership=membership, generation_ids=[clip.pk], name="  Golden   Hour ") == 1
    assert tag_clips(membership=bob_here, generation_ids=[clip.pk, other.pk], name="golden-hour") == 1
    assert tag_clips(membership=bob_here, generation_ids=[other.pk], name="Été") == 1
    assert (names_of(membership, clip), names_of(membership, other)) == (["Golden Hour"], ["Été", "Golden Hour"])
    assert [(tag.name, tag.folded, tag.creator) for tag in tags_for_viewer(membership, max_count=9)] == [
        ("Été", "ete", bob_here.user),
        ("Golden Hour", "golden hour", membership.user),
    ]


def test_only_what_one_sees_can_be_tagged(start: Start, bob_here: Membership) -> None:
    private = start()
    assert tag_clips(membership=bob_here, generation_ids=[private.pk], name="Secret") == 0
    assert not Tag.objects.exists()
    with pytest.raises(LibraryEntry.DoesNotExist):
        untag_clip(membership=bob_here, generation_id=private.pk, tag_id=1)


def test_a_tag_without_clips_is_forgotten(start: Start, membership: Membership) -> None:
    clips = [start(), start()]
    tag_clips(membership=membership, generation_ids=[clip.pk for clip in clips], name="Rushes")
    tag = Tag.objects.get()
    untag_clip(membership=membership, generation_id=clips[0].pk, tag_id=tag.pk)
    assert tags_for_viewer(membership, max_count=9) == [tag]
    untag_clip(membership=membership, generation_id=clips[1].pk, tag_id=tag.pk)
    assert tags_for_viewer(membership, max_count=9) == []


def test_tags_of_other_workspaces_stay(start: Start, membership: Membership, bob_here: Membership) -> None:
    clip = start(visibility=Visibility.WORKSPACE)
    tag_clips(membership=membership, generation_ids=[clip.pk], name="Rushes")
    tag = Tag.objects.get()
    elsewhere = Membership.objects.exclude(workspace=membership.workspace).get(user=bob_here.user)
    with pytest.raises(LibraryEntry.DoesNotExist):
        untag_clip(membership=elsewhere, generation_id=clip.pk, tag_id=tag.pk)
    assert tags_for_viewer(elsewhere, max_count=9) == []
    assert tag_named(elsewhere, "rushes") is None
    assert tag_completions(elsewhere, "rushes") == []


@pytest.mark.parametrize("name", ["", "  ", "!?", "x" * 41, "\0"])
def test_what_is_no_tag_is_refused(start: Start, membership: Membership, name: str) -> None:
    with pytest.raises(TagRefusedError) as refused:
        tag_clips(membership=membership, generation_ids=[start().pk], name=name)
    assert refused.value.message == (
        "A tag has letters or digits, and at most 40 characters. Nothing changed and no credits moved. Choose another "
        "name."
    )


def test_what_unfolds_to_much_is_a_tag(start: Start, membership: Membership) -> None:
    clip = start()
    assert tag_clips(membership=membership, generation_ids=[clip.pk], name="\ufdfa" * 40) == 1
    assert names_of(membership, clip) == ["\ufdfa" * 40]


def test_tags_of_a_clip_are_bounded(start: Start, membership: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "MAX_TAGS_PER_CLIP", 2)
    full, free = start(), start()
    for name in ("a", "b", "a"):
        tag_clips(membership=membership, generation_ids=[full.pk], name=name)
    with pytest.raises(TooManyTagsError) as refused:
        tag_clips(membership=membership, generation_ids=[free.pk, full.pk], name="c")
    assert refused.value.message == (
        "A clip can have 2 tags, and this would be one more. Nothing changed and no credits moved. Remove a tag first."
    )
    # All or none, and no tag is left over.
    assert names_of(membership, free) == []
    assert Tag.objects.count() == 2


def test_tags_of_a_workspace_are_bounded(start: Start, membership: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "MAX_TAGS", 2)
    clip, other = start(), start()
    for name in ("a", "b"):
        tag_clips(membership=membership, generation_ids=[clip.pk], name=name)
    with pytest.raises(TooManyTagsError) as refused:
        tag_clips(membership=membership, generation_ids=[other.pk], name="c")
    assert refused.value.message == (
        "This workspace has 2 tags, and can't have more. Nothing changed and no credits moved. Use one of them, or "
        "remove one from all its clips first."
    )
    assert tag_clips(membership=membership, generation_ids=[other.pk], name="A") == 1
    untag_clip(membership=membership, generation_id=clip.pk, tag_id=Tag.objects.get(name="a").pk)
    cancel_generation(generation=other)
    delete_for_good(Generation.objects.filter(pk=other.pk), max_count=1)
    # The clip that was deleted left its tag without any.
    assert tag_clips(membership=membership, generation_ids=[clip.pk], name="c") == 1
    assert sorted(Tag.objects.values_list("name", flat=True)) == ["b", "c"]


def test_an_archived_workspace_is_read_only(start: Start, membership: Membership) -> None:
    clip = start()
    tag_clips(membership=membership, generation_ids=[clip.pk], name="a")
    Workspace.objects.filter(pk=membership.workspace_id).update(archived_at=timezone.now())
    with pytest.raises(WorkspaceArchivedError):
        tag_clips(membership=membership, generation_ids=[clip.pk], name="b")
    with pytest.raises(WorkspaceArchivedError):
        untag_clip(membership=membership, generation_id=clip.pk, tag_id=Tag.objects.get().pk)


def test_completions(start: Start, membership: Membership) -> None:
    clip = start()
    for name in ("Golden hour", "Rush hour", "Gold"):
        tag_clips(membership=membership, generation_ids=[clip.pk], name=name)

    def completed(text: str) -> list[str]:
        return [tag.name for tag in tag_completions(membership, text)]

    assert (completed("HOUR"), completed("gold"), completed("é"), completed("")) == (
        ["Golden hour", "Rush hour"],
        ["Gold", "Golden hour"],
        ["Golden hour"],
        [],
    )
    named = {text: tag_named(membership, text) for text in ("gold", "rush", "r", "g", "silver", "")}
    assert {text: tag.name for text, tag in named.items() if tag} == {
        "gold": "Gold",
        "rush": "Rush hour",
        "r": "Rush hour",
    }


def test_tags_are_found_by_index(start: Start, membership: Membership) -> None:
    clip = start()
    entry = entries_of([clip.pk]).get()
    tag_clips(membership=membership, generation_ids=[clip.pk], name="a")
    with listed_by_index(Tag, Tagging):
        tags_of_clip(membership, entry)
        tags_for_viewer(membership, max_count=5)
        tag_completions(membership, "a")
        tag_named(membership, "a")
