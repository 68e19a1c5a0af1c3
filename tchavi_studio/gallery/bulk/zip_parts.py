"""What a zip of selected clips holds. It comes in parts of a size that every disk and every program takes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID

from tchavi_studio.generations.bulk.selection import MAX_NAMED, Listed, Named, Selection, clips_of, pages_of
from tchavi_studio.generations.models import Generation
from tchavi_studio.workspaces.models import Membership

MAX_PART_BYTES = 4_000_000_000
MAX_PART_CLIPS = MAX_NAMED
PAGE_LENGTH = 500


@dataclass(frozen=True, kw_only=True)
class ZipPart:
    """Some of the selected clips that have a file. `selection` asks for exactly this part."""

    clip_ids: list[UUID]
    byte_count: int
    selection: Selection


@dataclass(frozen=True, kw_only=True)
class _Stored:
    clip_id: UUID
    key: int
    byte_count: int


def zip_parts(selection: Selection, *, membership: Membership) -> Iterator[ZipPart]:
    """The parts, one after the other. The next is only looked for when it is asked for."""
    taken: list[_Stored] = []
    size = 0
    for stored in _stored(selection, membership):
        if taken and (size + stored.byte_count > MAX_PART_BYTES or len(taken) == MAX_PART_CLIPS):
            yield _part(selection, taken)
            taken, size = [], 0
        taken.append(stored)
        size += stored.byte_count
    if taken:
        yield _part(selection, taken)


def _part(selection: Selection, taken: list[_Stored]) -> ZipPart:
    # Of a list, between two keys: what is made meanwhile moves nothing from one part to the next.
    first, last = taken[0].key, taken[-1].key
    clip_ids = [stored.clip_id for stored in taken]
    return ZipPart(
        clip_ids=clip_ids,
        byte_count=sum(stored.byte_count for stored in taken),
        selection=replace(selection, after=first + 1, until=last) if isinstance(selection, Listed) else Named(clip_ids),
    )


def _stored(selection: Selection, membership: Membership) -> Iterator[_Stored]:
    for page in pages_of(selection, membership=membership, length=PAGE_LENGTH):
        with_file = clips_of(page, membership=membership).filter(output__isnull=False)
        found = {
            clip_id: _Stored(clip_id=clip_id, key=key, byte_count=byte_count)
            for clip_id, key, byte_count in with_file.values_list("pk", "entry__key", "output__byte_count")
        }
        yield from (found[clip_id] for clip_id in page if clip_id in found)


def clips_of_part(part: ZipPart, *, membership: Membership) -> list[Generation]:
    """The clips of a part in its order, with their files and references."""
    found = clips_of(part.clip_ids, membership=membership).filter(output__isnull=False)
    clips = {clip.pk: clip for clip in found.select_related("output", "creator").prefetch_related("references__asset")}
    return [clips[clip_id] for clip_id in part.clip_ids if clip_id in clips]
