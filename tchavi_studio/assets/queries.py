"""Reads on stored files."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import BooleanField, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from tchavi_studio.words import words_of
from tchavi_studio.workspaces.models import User, Workspace

from .models import Asset, PersonStorageUse, ReferenceWord, StorageUse
from .signing import SignedMedia, read_token

MAX_SEARCH_WORDS = 8


def asset_by_signed_token(token: str) -> tuple[Asset, SignedMedia] | None:
    """The asset that `token` opens, with the token's contents, or None if it opens nothing (any more)."""
    signed = read_token(token)
    asset = Asset.objects.filter(pk=signed.asset_id).first() if signed else None
    return (asset, signed) if asset and signed else None


# SQLite only uses a partial index if the statement contains its condition literally, not as parameters.
IS_RECEIVED = RawSQL("origin IN ('upload', 'url')", (), output_field=BooleanField())
IS_REFERENCE = RawSQL("NOT (origin = 'output')", (), output_field=BooleanField())
IS_OUTPUT = RawSQL("origin = 'output'", (), output_field=BooleanField())


def received_with(*, workspace: Workspace, user: User | None, source_sha256: str) -> QuerySet[Asset]:
    """What this person uploaded or linked of these bytes: one file at most."""
    return Asset.objects.filter(IS_RECEIVED, workspace=workspace, created_by=user, source_sha256=source_sha256)


def has_words(search: str) -> Q:
    """The condition that a file's name has, for each word of `search`, a word that begins with it."""
    named = Q()
    for word in list(dict.fromkeys(words_of(search)))[:MAX_SEARCH_WORDS]:
        prefix = word.encode()
        # No byte of UTF-8 is 0xff.
        words = ReferenceWord.objects.filter(asset=OuterRef("pk"), word__gte=prefix, word__lt=prefix + b"\xff")
        named &= Q(Exists(words))
    return named


def stored_bytes(*, workspace: Workspace) -> int:
    """How many bytes a workspace's files take, not counting thumbnails and posters."""
    counts = StorageUse.objects.filter(workspace=workspace).values_list("byte_count", flat=True)
    return counts.first() or 0


def is_disk_low() -> bool:
    """Whether less than STUDIO_MIN_FREE_BYTES are free where files are stored. What is already paid for still lands."""
    return shutil.disk_usage(settings.STUDIO_DATA).free < settings.STUDIO_MIN_FREE_BYTES


@dataclass(frozen=True, kw_only=True)
class StorageDrift:
    """A workspace whose counted bytes aren't the sum of its files' bytes; or one person in it, if `user_id` is set."""

    workspace_id: UUID
    counted_bytes: int
    summed_bytes: int
    user_id: int | None = None


def storage_drifts() -> Iterator[StorageDrift]:
    """Every workspace and every person in one whose counted bytes are wrong.

    Reads all assets, each time in one statement, so a moment's state.
    """
    sums = Asset.objects.filter(workspace=OuterRef("pk")).order_by().values("workspace").annotate(n=Sum("byte_count"))
    counts = StorageUse.objects.filter(workspace=OuterRef("pk"))
    workspaces = Workspace.objects.order_by("pk").values_list(
        "pk",
        Coalesce(Subquery(counts.values("byte_count")), Value(0)),
        Coalesce(Subquery(sums.values("n")), Value(0)),
    )
    for workspace_id, counted_bytes, summed_bytes in workspaces:
        if counted_bytes != summed_bytes:
            yield StorageDrift(workspace_id=workspace_id, counted_bytes=counted_bytes, summed_bytes=summed_bytes)
    yield from _drifts_of_people()


def _drifts_of_people() -> Iterator[StorageDrift]:
    count = PersonStorageUse.objects.filter(workspace=OuterRef("workspace"), user=OuterRef("created_by"))
    files = Asset.objects.filter(created_by__isnull=False).order_by("workspace", "created_by")
    owners = files.values("workspace", "created_by").annotate(
        summed=Sum("byte_count"), counted=Coalesce(Subquery(count.values("byte_count")), Value(0))
    )
    for owner in owners.exclude(summed=F("counted")):
        yield StorageDrift(
            workspace_id=owner["workspace"],
            user_id=owner["created_by"],
            counted_bytes=owner["counted"],
            summed_bytes=owner["summed"],
        )
    own_files = Asset.objects.filter(workspace=OuterRef("workspace"), created_by=OuterRef("user"))
    for use in PersonStorageUse.objects.filter(~Exists(own_files), byte_count__gt=0).order_by("workspace", "user"):
        yield StorageDrift(
            workspace_id=use.workspace_id, user_id=use.user_id, counted_bytes=use.byte_count, summed_bytes=0
        )
