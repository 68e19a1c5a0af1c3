"""A person's data as a ZIP file, written while it is sent: any number of clips, in little memory."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import PurePosixPath
from typing import IO, Any, TypeVar, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from allauth.account.models import EmailAddress
from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from tchavi_studio.assets.models import Asset
from tchavi_studio.generations.models import IS_FOR_PEOPLE, Collection, Favourite, Generation, NamedSearch, Rating
from tchavi_studio.generations.organising.queries import clip_ids_of_collection
from tchavi_studio.ledger.models import Book, Transfer
from tchavi_studio.long_lists import page_of
from tchavi_studio.workspaces.models import User, Workspace
from tchavi_studio.workspaces.queries import sessions_for_viewer, workspaces_for_viewer

ROWS_AT_A_TIME = 500
MAX_FILE_BYTES = 10 * 1024**3
"""How much of the person's files is in it, newest first."""

Row = TypeVar("Row", bound=Model)
Entry = tuple[str, Iterable[bytes]]
"""A file of the archive: its name, and its content in parts."""


def exported_data(user: User) -> Iterator[bytes]:
    """The archive. Texts for people are in the language that is active now, not when it is read."""
    readme = _(
        "This is what the studio knows of you.\n\n"
        "profile.json: you, your workspaces, sessions and API keys (without the keys themselves).\n"
        "clips.jsonl: the clips you made in the browser or with live keys, one per line, with all parameters.\n"
        "credits.jsonl: the transfers of credits that you caused, one per line.\n"
        "favourites.jsonl, ratings.jsonl: the clips you marked, and the stars you gave, one per line.\n"
        "collections.jsonl: the collections you made, one per line, with the clips in them that you may see.\n"
        "searches.jsonl: the searches of the gallery that you keep, one per line.\n"
        "files/: the clips and references themselves, the newest first, up to 10 GB. Previews made with test keys "
        "are left out.\n"
    )
    workspaces = list(workspaces_for_viewer(user))
    return zipped(
        [
            ("README.txt", [readme.encode()]),
            ("profile.json", [_json(_profile(user, workspaces), indent=2)]),
            ("clips.jsonl", _lines(_clip_record, _clips(user, workspaces))),
            ("credits.jsonl", _lines(_transfer_record, _transfers(user, workspaces))),
            ("favourites.jsonl", _lines(_favourite_record, _favourites(user, workspaces))),
            ("ratings.jsonl", _lines(_rating_record, _ratings(user))),
            ("collections.jsonl", (_json(record) + b"\n" for record in _collection_records(user))),
            ("searches.jsonl", (_json(record) + b"\n" for record in _search_records(user))),
        ],
        _files(user, workspaces),
    )


def zipped(*entries: Iterable[Entry]) -> Iterator[bytes]:
    """A ZIP archive of these entries, in parts. What is under `files/` isn't compressed: media already are."""
    written = _Written()
    with ZipFile(cast(IO[bytes], written), "w") as archive:
        for group in entries:
            for name, content in group:
                info = ZipInfo(name, timezone.now().timetuple()[:6])
                info.compress_type = ZIP_STORED if name.startswith("files/") else ZIP_DEFLATED
                with archive.open(info, "w", force_zip64=True) as file:
                    for part in content:
                        file.write(part)
                        yield written.taken()
    yield written.taken()


class _Written:
    """A file that can only be written to; what was written is taken out bit by bit."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


# --- What is in it ----------------------------------------------------------------------------------------------------


def _profile(user: User, workspaces: list[Workspace]) -> dict[str, Any]:
    roles = dict(user.memberships.values_list("workspace", "role"))
    return {
        "number": user.pk,
        "name": user.name,
        "email": user.email,
        "emails": list(EmailAddress.objects.filter(user=user).values("email", "verified", "primary")),
        "joined_at": user.date_joined,
        "workspaces": [{"slug": each.slug, "name": each.name, "role": roles.get(each.pk)} for each in workspaces],
        "sessions": [
            {"device": session.device, "address": session.address, "seen_at": session.seen_at}
            for session in sessions_for_viewer(user)
        ],
        "api_keys": list(user.api_keys.values("name", "is_test", "scope", "created_at", "last_used_at", "revoked_at")),
    }


def _clips(user: User, workspaces: list[Workspace]) -> Iterator[Generation]:
    for workspace in workspaces:
        clips = Generation.objects.filter(IS_FOR_PEOPLE, workspace=workspace, creator=user)
        clips = clips.select_related("workspace", "output").prefetch_related("references__asset")
        yield from _all(clips.order_by("updated_at", "id"), "updated_at", "pk")


def _clip_record(clip: Generation) -> dict[str, Any]:
    facts = (
        "id",
        "state",
        "model",
        "prompt",
        "duration_seconds",
        "resolution",
        "aspect_ratio",
        "generate_audio",
        "seed",
    )
    more = ("engine", "book", "price_credits", "created_at", "finished_at", "deleted_at", "failure_reason")
    return {
        "workspace": clip.workspace.slug,
        **{name: getattr(clip, name) for name in (*facts, *more)},
        "references": [
            {"role": reference.role, "position": reference.position, "file": _file_name(reference.asset)}
            for reference in clip.references.all()
        ],
        "file": _file_name(clip.output) if clip.output else None,
    }


def _transfers(user: User, workspaces: list[Workspace]) -> Iterator[Transfer]:
    for workspace in workspaces:
        for book in Book.values:
            transfers = Transfer.objects.filter(workspace=workspace, book=book).select_related(
                "workspace", "credit_account"
            )
            yield from (row for row in _all(transfers.order_by("sequence"), "sequence") if row.actor_id == user.pk)


def _transfer_record(transfer: Transfer) -> dict[str, Any]:
    return {
        "workspace": transfer.workspace.slug,
        "book": transfer.book,
        "sequence": transfer.sequence,
        "kind": transfer.kind,
        "change_credits": transfer.change_credits,
        "reason": transfer.reason,
        "clip": transfer.clip_id,
        "created_at": transfer.created_at,
    }


def _favourites(user: User, workspaces: list[Workspace]) -> Iterator[Favourite]:
    for workspace in workspaces:
        marked = Favourite.objects.filter(user=user, workspace=workspace).select_related("workspace", "entry")
        yield from _all(marked.order_by("entry"), "entry_id")


def _favourite_record(favourite: Favourite) -> dict[str, Any]:
    return {"workspace": favourite.workspace.slug, "clip": favourite.entry.generation_id}


def _ratings(user: User) -> Iterator[Rating]:
    rated = Rating.objects.filter(user=user).select_related("entry__workspace")
    yield from _all(rated.order_by("entry"), "entry_id")


def _rating_record(rating: Rating) -> dict[str, Any]:
    return {"workspace": rating.entry.workspace.slug, "clip": rating.entry.generation_id, "stars": rating.stars}


def _search_records(user: User) -> Iterator[dict[str, Any]]:
    for search in NamedSearch.objects.filter(user=user).select_related("workspace").order_by("workspace", "folded"):
        yield {"workspace": search.workspace.slug, "name": search.name, "query": search.query}


def _collection_records(user: User) -> Iterator[dict[str, Any]]:
    for membership in user.memberships.select_related("workspace").order_by("pk"):
        for collection in Collection.objects.filter(workspace=membership.workspace, creator=user).order_by("pk"):
            yield {
                "workspace": membership.workspace.slug,
                **{name: getattr(collection, name) for name in ("name", "description", "created_at", "updated_at")},
                "clips": clip_ids_of_collection(membership, collection),
            }


def _files(user: User, workspaces: list[Workspace]) -> Iterator[Entry]:
    left_bytes = MAX_FILE_BYTES
    for workspace in workspaces:
        files = Asset.objects.filter(workspace=workspace, unowned_since=None).order_by("-created_at", "-id")
        for asset in _all(files, "created_at", "pk"):
            if asset.created_by_id != user.pk:
                continue
            left_bytes -= asset.byte_count
            if left_bytes < 0:
                return
            with suppress(FileNotFoundError), asset.file.open("rb") as file:
                yield _file_name(asset), file.chunks()


def _file_name(asset: Asset) -> str:
    return f"files/{asset.pk}{PurePosixPath(asset.file.name or '').suffix}"


def _all(rows: QuerySet[Row], *position: str) -> Iterator[Row]:
    """All rows, read in pages: one long statement would keep the database from tidying up meanwhile."""
    page, has_more = page_of(rows, length=ROWS_AT_A_TIME)
    yield from page
    while has_more:
        after = tuple(getattr(page[-1], name) for name in position)
        page, has_more = page_of(rows, length=ROWS_AT_A_TIME, after=after)
        yield from page


def _lines(record: Callable[[Row], dict[str, Any]], rows: Iterable[Row]) -> Iterator[bytes]:
    return (_json(record(row)) + b"\n" for row in rows)


def _json(record: dict[str, Any], **options: Any) -> bytes:
    def plain(value: object) -> str:
        return value.isoformat() if isinstance(value, datetime) else str(value)

    return json.dumps(record, default=plain, ensure_ascii=False, **options).encode()
