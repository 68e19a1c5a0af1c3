"""A workspace's files: references, and the clips made from them."""

import uuid
from math import floor
from pathlib import PurePath
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tchavi_studio.words import MAX_WORD_LENGTH
from tchavi_studio.workspaces.models import Workspace


class Kind(models.TextChoices):
    """What a file holds, as probing found it."""

    IMAGE = "image", _("Image")
    VIDEO = "video", _("Video")
    AUDIO = "audio", _("Audio")


class Origin(models.TextChoices):
    """How a file got here."""

    UPLOAD = "upload", _("Upload")
    URL = "url", _("URL")
    TRIM = "trim", _("Trim")
    OUTPUT = "output", _("Clip")


USUAL_FRAME_RATE = 24.0
"""The frames per second that the models and the preview engine make."""

FRAME_ROUNDING = 0.01
"""In frames: a player's clock may stand a hair before the frame that it shows."""


def server_made_name(asset: "Asset", role: str, extension: str) -> str:
    """Where an asset's file is stored. Nothing in the name comes from whoever sent it."""
    return f"{asset.workspace_id}/{asset.pk}/{role}.{extension}"


class Asset(models.Model):
    """One stored file, with what probing found. References are private to their workspace.

    `source_sha256` is that of the bytes as received, `content_sha256` that of the bytes as stored (converted, without
    metadata); of a part of another file, `source_sha256` is that of the recipe. `width` and `height` are pixels as
    displayed. `peaks` draw the sound: values from 0 to 100, [] for none or not yet measured.
    `unowned_since` is for a stored clip without a generation: since when, or when to look at it again; else None.
    `first_shared_at` is when a clip made from this reference was first shared with the workspace. It stays when that
    clip becomes private again, so it only says where to look for files that the workspace may see.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="assets")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    kind = models.CharField(max_length=5, choices=Kind)
    origin = models.CharField(max_length=6, choices=Origin)
    original_name = models.CharField(max_length=200, blank=True)
    content_type = models.CharField(max_length=40)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    duration_seconds = models.FloatField(null=True)
    frame_rate = models.FloatField(null=True)
    has_audio = models.BooleanField(default=False)
    byte_count = models.PositiveBigIntegerField()
    source_sha256 = models.CharField(max_length=64)
    content_sha256 = models.CharField(max_length=64)
    file = models.FileField(max_length=200)
    thumbnail = models.FileField(max_length=200, blank=True)
    poster = models.FileField(max_length=200, blank=True)
    peaks = models.JSONField(default=list, blank=True)
    needs_trim = models.BooleanField(default=False)
    derived_from = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="derived")
    created_at = models.DateTimeField(default=timezone.now)
    unowned_since = models.DateTimeField(null=True)
    first_shared_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            # By each person: who sends what somebody else has sent doesn't learn of it, and has a file of their own.
            models.UniqueConstraint(
                fields=["workspace", "created_by", "source_sha256"],
                condition=Q(origin__in=["upload", "url"]),
                name="same_bytes_stored_once",
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="asset_kind_known"),
            models.CheckConstraint(condition=Q(origin__in=Origin.values), name="asset_origin_known"),
            # "Not null" as well as "above 0", because a CHECK also passes when its condition is null.
            models.CheckConstraint(
                condition=Q(kind="audio", width__isnull=True, height__isnull=True)
                | Q(~Q(kind="audio"), width__isnull=False, height__isnull=False, width__gt=0, height__gt=0),
                name="pictures_have_sides",
            ),
            models.CheckConstraint(
                condition=Q(kind="image", duration_seconds__isnull=True)
                | Q(~Q(kind="image"), duration_seconds__isnull=False, duration_seconds__gt=0),
                name="time_media_have_duration",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-created_at", "-id"], name="asset_recent"),
            models.Index(fields=["workspace", "created_by", "origin", "-created_at", "-id"], name="asset_of_person"),
            models.Index(
                fields=["unowned_since", "id"], condition=Q(unowned_since__isnull=False), name="asset_unowned"
            ),
            # The lists of references, all and of one kind: a person's own, and where to look for the workspace's.
            models.Index(
                fields=["workspace", "created_by", "-created_at", "-id"],
                condition=~Q(origin="output"),
                name="references_of_person",
            ),
            models.Index(
                fields=["workspace", "created_by", "kind", "-created_at", "-id"],
                condition=~Q(origin="output"),
                name="references_of_person_by_kind",
            ),
            models.Index(
                fields=["workspace", "-created_at", "-id"],
                condition=Q(first_shared_at__isnull=False),
                name="references_shared",
            ),
            models.Index(
                fields=["workspace", "kind", "-created_at", "-id"],
                condition=Q(first_shared_at__isnull=False),
                name="references_shared_by_kind",
            ),
            # Finished clips, the largest first.
            models.Index(
                fields=["workspace", "created_by", "-byte_count", "-id"],
                condition=Q(origin="output"),
                name="outputs_of_person_by_size",
            ),
            models.Index(
                fields=["workspace", "-byte_count", "-id"], condition=Q(origin="output"), name="outputs_by_size"
            ),
        ]

    def __str__(self) -> str:
        return self.original_name or str(self.pk)

    @property
    def frames_per_second(self) -> float:
        """The measured rate; the usual one of a file that was stored before rates were."""
        return self.frame_rate or USUAL_FRAME_RATE

    @property
    def frame_count(self) -> int:
        """How many frames a video has, 1 at least."""
        return max(round((self.duration_seconds or 0) * self.frames_per_second), 1)

    def frame_number_at(self, at_seconds: float | None) -> int:
        """The number, from 0, of the frame shown at `at_seconds`, of the first or last one outside of the video.

        None means the last one.
        """
        if at_seconds is None:
            return self.frame_count - 1
        number = floor(at_seconds * self.frames_per_second + FRAME_ROUNDING)
        return min(max(number, 0), self.frame_count - 1)

    def timecode_at(self, at_seconds: float | None) -> str:
        """The place of that frame in minutes, seconds and frames, as players show it: "0:03.08"."""
        seconds, frame = divmod(self.frame_number_at(at_seconds), max(round(self.frames_per_second), 1))
        return f"{seconds // 60}:{seconds % 60:02}.{frame:02}"

    @property
    def pictures_query(self) -> str:
        """What to add to the URLs of poster and thumbnail, so that browsers show no earlier ones: "" or "?1a2b"."""
        _role, dash, mark = PurePath(self.poster.name or "").stem.partition("-")
        return f"?{mark}" if dash else ""


class ReferenceWord(models.Model):
    """A word of a reference's name (`words_of`), by which it is found.

    As bytes, because all databases sort those alike: words that begin with "ete" are those from b"ete" to b"ete\\xff".
    """

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="words", db_index=False)
    word = models.BinaryField(max_length=4 * MAX_WORD_LENGTH)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["asset", "word"], name="one_row_per_word")]

    def __str__(self) -> str:
        return bytes(self.word).decode()


class DeletedFile(models.Model):
    """The stored files of a deleted asset, until a sweep has seen to it that they are gone.

    Whoever deletes an asset deletes its files after the commit, and may die in between.
    """

    asset_id = models.UUIDField(primary_key=True)
    names = models.JSONField()

    def __str__(self) -> str:
        return str(self.asset_id)


class StorageUse(models.Model):
    """How many bytes a workspace's files take, not counting thumbnails and posters.

    It changes in each transaction that adds or deletes an asset, because a sum over all assets takes longer the more
    there are. `manage.py verify_storage` compares the two.
    """

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, primary_key=True, related_name="+")
    byte_count = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(byte_count__gte=0), name="storage_use_not_below_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.workspace_id}: {self.byte_count} B"


class PersonStorageUse(models.Model):
    """How many of a workspace's bytes somebody's files take: what they uploaded, linked or trimmed, and their clips.

    Counted in the same statements as `StorageUse`. Files that are nobody's are in the workspace's count alone.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    byte_count = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "user"], name="one_storage_use_per_person"),
            models.CheckConstraint(condition=Q(byte_count__gte=0), name="person_storage_not_below_zero"),
        ]
        indexes: ClassVar = [models.Index(fields=["workspace", "-byte_count", "-id"], name="storage_use_largest")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.workspace_id}: {self.byte_count} B"
