"""One part of a zip on its way to a browser."""

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from django.core.files.base import File
from django.db.models.fields.files import FieldFile

from tchavi_studio.gallery.file_names import clip_file_name
from tchavi_studio.generations.bulk.models import ZipSlot
from tchavi_studio.generations.bulk.zip_slots import give_back_zip_slot
from tchavi_studio.generations.models import Generation
from tchavi_studio.outages import unless_outage
from tchavi_studio.runtime.leases import Claim, ClaimLostError

from .zip_manifest import as_csv, as_json, record_of
from .zip_writer import CHUNK_BYTES, Entry, ZipWriter, zip_length

logger = logging.getLogger(__name__)

RENEW_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class _Member:
    """A clip, and its entry; None if its file is missing."""

    clip: Generation
    entry: Entry | None


def _members(clips: list[Generation]) -> list[_Member]:
    members = []
    for number, clip in enumerate(clips, start=1):
        file = _file_of(clip)
        entry = None
        try:
            entry = Entry(f"{number:04}-{clip_file_name(clip)}", file.size)
        except FileNotFoundError:
            logger.error("stored file is missing: %s", file.name)
        members.append(_Member(clip=clip, entry=entry))
    return members


def _file_of(clip: Generation) -> FieldFile:
    assert clip.output is not None
    return clip.output.file


class ZipStream:
    """The bytes of a zip of clips, `length` in all, and the slot that it holds until it is closed.

    A clip whose file is missing is named in the manifest. If one goes missing on the way, zeros that belong to no file
    take its place, so that the length that was announced still holds.
    """

    def __init__(self, clips: list[Generation], slot: Claim[ZipSlot]) -> None:
        self._slot = slot
        self._renewed_at = time.monotonic()
        self._members = _members(clips)
        self.length = zip_length([*_entries(self._members), *_entries_of(_manifests(self._members))])
        self._parts = self._written()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """Some more bytes. Raises ClaimLostError if the reader was too slow to keep the slot."""
        if time.monotonic() - self._renewed_at > RENEW_SECONDS:
            self._renewed_at = time.monotonic()
            with unless_outage():
                if not self._slot.renew():
                    raise ClaimLostError
        return next(self._parts)

    def close(self) -> None:
        """Give the slot back, however far it got."""
        self._parts.close()  # type: ignore[attr-defined]  # a generator
        give_back_zip_slot(self._slot)

    def _written(self) -> Iterator[bytes]:
        writer, sent = ZipWriter(), list[_Member]()
        for member in self._members:
            content = _content(member)
            if content is None:
                sent.append(_Member(clip=member.clip, entry=None))
                continue
            assert member.entry is not None
            yield from writer.add(member.entry, content)
            sent.append(member)
        manifests = _manifests(sent)
        yield from writer.blank(self._owed(sent, manifests))
        for entry, content_bytes in manifests:
            yield from writer.add(entry, [content_bytes])
        yield writer.end()

    def _owed(self, sent: list[_Member], manifests: list[tuple[Entry, bytes]]) -> int:
        """How many bytes are missing because files are."""
        entries, last = _entries(sent), _entries_of(manifests)
        owed = self.length - zip_length([*entries, *last])
        # Entries further back than 2 GB take a few bytes more in the directory.
        return owed - (zip_length([*entries, Entry(None, owed), *last]) - self.length) if owed else 0


def _entries(members: list[_Member]) -> list[Entry]:
    return [member.entry for member in members if member.entry]


def _entries_of(manifests: list[tuple[Entry, bytes]]) -> list[Entry]:
    return [entry for entry, _content in manifests]


def _manifests(members: list[_Member]) -> list[tuple[Entry, bytes]]:
    records = [record_of(member.clip, file_name=member.entry.name if member.entry else None) for member in members]
    contents = {"manifest.csv": as_csv(records), "manifest.json": as_json(records)}
    return [(Entry(name, len(content)), content) for name, content in contents.items()]


def _content(member: _Member) -> Iterator[bytes] | None:
    """The file's bytes. None if it is missing."""
    file = _file_of(member.clip)
    with suppress(FileNotFoundError):
        if member.entry:
            return _chunks(file.storage.open(str(file.name), "rb"))
    return None


def _chunks(opened: "File[bytes]") -> Iterator[bytes]:
    with opened:
        while chunk := opened.read(CHUNK_BYTES):
            yield chunk
