"""Jobs that act on many clips, and the slots for zips."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from tchavi_studio.runtime.leases import LeasedModel
from tchavi_studio.workspaces.models import Workspace

IS_UNDER_WAY = Q(ended_at__isnull=True)


class BulkJob(LeasedModel):
    """One act of a person on many clips: those named by `clip_ids`, those of a list, or those that a job changed.

    It goes on batch by batch, each a transaction that moves `position`, so that it survives a kill: an index in
    `clip_ids`, the key where the last page of the list ended, or the number of the other job's batch. `total_count` is
    None if there are more than were counted. `left_counts` says why clips were left alone (`actions.Left`).

    `is_long` is one that workers do in the background, others are done while the person waits. `is_shown` keeps its
    card on the person's gallery.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    action = models.CharField(max_length=30)
    options = models.JSONField(default=dict)
    clip_ids = models.JSONField(null=True)
    listed = models.JSONField(null=True)
    undoes = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="undone_by")
    total_count = models.PositiveIntegerField(null=True)
    is_long = models.BooleanField()
    is_shown = models.BooleanField()

    position = models.BigIntegerField(null=True)
    batch_count = models.PositiveIntegerField(default=0)
    changed_count = models.PositiveIntegerField(default=0)
    left_counts = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    was_stopped = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            *LeasedModel.Meta.constraints,
            models.CheckConstraint(
                condition=Q(clip_ids__isnull=False, listed__isnull=True, undoes__isnull=True)
                | Q(clip_ids__isnull=True, listed__isnull=False, undoes__isnull=True)
                | Q(clip_ids__isnull=True, listed__isnull=True, undoes__isnull=False),
                name="bulk_job_has_one_selection",
            ),
            models.CheckConstraint(
                condition=Q(was_stopped=False) | Q(ended_at__isnull=False), name="stopped_bulk_job_has_ended"
            ),
            models.UniqueConstraint(
                fields=["user"], condition=IS_UNDER_WAY & Q(is_long=True), name="one_long_bulk_job_per_person"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at", "id"], condition=IS_UNDER_WAY, name="bulk_job_under_way"),
            models.Index(
                fields=["workspace", "user", "-created_at", "-id"], condition=Q(is_shown=True), name="bulk_job_shown"
            ),
            models.Index(fields=["ended_at"], condition=Q(ended_at__isnull=False), name="bulk_job_ended"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.user_id}: {self.changed_count}"

    @property
    def is_under_way(self) -> bool:
        return self.ended_at is None

    @property
    def done_count(self) -> int:
        """How many clips it has looked at."""
        left: dict[str, int] = self.left_counts
        return self.changed_count + sum(left.values())


class BulkBatch(models.Model):
    """The clips that one batch of a job changed: what undoing it changes back."""

    job = models.ForeignKey(BulkJob, on_delete=models.CASCADE, related_name="batches", db_index=False)
    number = models.PositiveIntegerField()
    clip_ids = models.JSONField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["job", "number"], name="one_bulk_batch_per_number")]

    def __str__(self) -> str:
        return f"{self.job_id} #{self.number}"


class ZipSlot(LeasedModel):
    """Room for one download of a zip, by whoever holds it."""

    number = models.PositiveSmallIntegerField(primary_key=True)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [*LeasedModel.Meta.constraints]

    def __str__(self) -> str:
        return f"zip slot {self.number}"
