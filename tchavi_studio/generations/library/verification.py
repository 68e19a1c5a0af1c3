"""Comparing the gallery's index with the clips that it is made from, and making it anew where they differ."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Sum
from django.db.models.fields import Field

from tchavi_studio.generations.models import IS_FOR_PEOPLE, Generation, GenerationReference, Rating
from tchavi_studio.long_lists import page_of
from tchavi_studio.workspaces.models import Workspace

from .entries import counted_months, entry_of, recount_months
from .models import LibraryEntry, LibraryMonth, moment_of

PAGE_LENGTH = 500
KEPT = ("key", "generation")
"""What isn't made from the clip alone: the key is only compared by its moment."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A clip whose entry isn't what it should be, and in which fields; none if the entry is missing."""

    clip_id: UUID
    fields: tuple[str, ...]


def differing_entries() -> Iterator[Difference]:
    """Every clip of the site whose entry is missing or wrong, page by page."""
    for expected, found in _compared():
        if found is None:
            yield Difference(clip_id=expected.generation_id, fields=())
        elif wrong := _wrong_fields(expected, found):
            yield Difference(clip_id=expected.generation_id, fields=wrong)


def differing_months() -> list[Workspace]:
    """The workspaces whose months aren't what their entries add up to."""
    return [workspace for workspace in Workspace.objects.order_by("pk") if _is_miscounted(workspace)]


@transaction.atomic
def repair_entry(clip_id: UUID) -> None:
    """Make a clip's entry anew, except for its key, which favourites and the like point to.

    Months are to be counted anew afterwards.
    """
    clip = _clips().select_for_update(of=("self",)).get(pk=clip_id)
    expected = _expected(clip, _rating_of([clip]).get(clip.pk, 0))
    if LibraryEntry.objects.filter(generation=clip_id).exists():
        values = {field.name: getattr(expected, field.attname) for field in _fields()}
        LibraryEntry.objects.filter(generation=clip_id).update(**values)
    else:
        expected.save(force_insert=True)


def repair_months(workspace: Workspace) -> None:
    """Count a workspace's months anew."""
    recount_months(workspace=workspace)


def _clips() -> QuerySet[Generation]:
    has_references = Exists(GenerationReference.objects.filter(generation=OuterRef("pk")))
    clips = Generation.objects.filter(IS_FOR_PEOPLE).select_related("workspace", "output")
    return clips.annotate(has_references=has_references).order_by("id")


def _compared() -> Iterator[tuple[LibraryEntry, LibraryEntry | None]]:
    after: tuple[object, ...] = ()
    has_more = True
    while has_more:
        clips, has_more = page_of(_clips(), length=PAGE_LENGTH, after=after)
        found = {entry.generation_id: entry for entry in LibraryEntry.objects.filter(generation__in=clips)}
        ratings = _rating_of(clips)
        for clip in clips:
            yield _expected(clip, ratings.get(clip.pk, 0)), found.get(clip.pk)
        after = (clips[-1].pk,) if clips else ()


def _rating_of(clips: list[Generation]) -> dict[UUID, int]:
    """The mean of the stars in hundredths, rounded as `organising.marks` does."""
    given = Rating.objects.filter(entry__generation__in=clips).order_by().values_list("entry__generation")
    return {
        clip_id: (200 * stars + count) // (2 * count)
        for clip_id, stars, count in given.annotate(stars_sum=Sum("stars"), count=Count("pk"))
    }


def _expected(clip: Generation, rating: int) -> LibraryEntry:
    has_sound = bool(clip.output.has_audio) if clip.output else clip.generate_audio
    entry = entry_of(clip, has_references=clip.has_references, has_sound=has_sound)  # type: ignore[attr-defined]
    entry.rating = rating
    return entry


def _fields() -> "list[Field[object, object]]":
    return [field for field in LibraryEntry._meta.concrete_fields if field.name not in KEPT]


def _wrong_fields(expected: LibraryEntry, found: LibraryEntry) -> tuple[str, ...]:
    wrong = [field.name for field in _fields() if getattr(expected, field.attname) != getattr(found, field.attname)]
    if moment_of(expected.key) != moment_of(found.key):
        wrong.insert(0, "key")
    return tuple(wrong)


def _is_miscounted(workspace: Workspace) -> bool:
    def rows(months: list[LibraryMonth]) -> set[tuple[object, ...]]:
        return {(one.owner_id, one.month, one.clip_count, one.spent_credits) for one in months if one.clip_count}

    return rows(counted_months(workspace)) != rows(list(LibraryMonth.objects.filter(workspace=workspace)))
