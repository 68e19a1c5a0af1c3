"""Comparing the gallery's index with the clips, and repairing it."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tchavi_studio.generations.library import verification
from tchavi_studio.generations.models import Generation, LibraryEntry, LibraryMonth
from tchavi_studio.generations.organising.marks import rate_clip
from tchavi_studio.workspaces.models import Membership, Visibility

Start = Callable[..., Generation]


def verify(*options: str) -> list[str]:
    said = StringIO()
    call_command("verify_library", *options, stdout=said, stderr=said)
    return said.getvalue().splitlines()


def test_differences_are_named_and_repaired(
    start: Start, membership: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "PAGE_LENGTH", 2)
    clips = [start(prompt=f"Boat {number}", visibility=Visibility.WORKSPACE) for number in range(5)]
    rate_clip(membership=membership, generation_id=clips[0].pk, stars=4)
    assert verify() == ["The gallery's index is right."]

    LibraryEntry.objects.filter(generation=clips[0]).update(rating=0, words="ship")
    LibraryEntry.objects.filter(generation=clips[1]).update(is_shared=False)
    LibraryEntry.objects.filter(generation=clips[2]).delete()
    Generation.objects.filter(pk=clips[3].pk).update(created_at=clips[3].created_at - timedelta(seconds=1))
    LibraryMonth.objects.filter(owner_id=0).update(clip_count=7)
    before = list(LibraryEntry.objects.order_by("key").values())
    said = StringIO()
    with pytest.raises(CommandError, match="differs from the clips: 5 times"):
        call_command("verify_library", stdout=said, stderr=said)
    expected = {
        f"Clip {clips[0].pk}: wrong rating, words.",
        f"Clip {clips[1].pk}: wrong is_shared.",
        f"Clip {clips[2].pk}: no entry.",
        f"Clip {clips[3].pk}: wrong key.",
        f"Workspace {membership.workspace.slug}: the months are counted wrong.",
    }
    assert set(said.getvalue().splitlines()) == expected
    assert list(LibraryEntry.objects.order_by("key").values()) == before

    Generation.objects.filter(pk=clips[3].pk).update(created_at=clips[3].created_at)
    assert verify("--repair")[-1] == "Repaired 4 differences."
    assert verify() == ["The gallery's index is right."]
    repaired = LibraryEntry.objects.get(generation=clips[0])
    assert (repaired.rating, repaired.words) == (400, "boat 0")
