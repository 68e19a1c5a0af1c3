"""Verifications of the ledger: their runs, what they found, and how far each chain was verified."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tchavi_studio.records.verification import SITE, Finding, Head
from tchavi_studio.runtime.leases import LeasedModel


class Origin(models.TextChoices):
    """What started a run."""

    PERSON = "person", _("Started by hand")
    NIGHT = "night", _("Every night")
    COMMAND = "command", _("On the command line")


class VerificationRun(LeasedModel):
    """One verification of all records, in slices: a worker that takes over goes on from the last `position`.

    `is_full` starts every chain at its beginning, others where it was last verified. `stages_done` has the names of
    the stages that are over (`integrity/stages.py`), with or without findings. `position` is where the next one goes
    on, None at its start. `row_total` is how many rows there were when it began. `finding_count` counts all findings,
    of which the first are kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    origin = models.CharField(max_length=10, choices=Origin)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    is_full = models.BooleanField()
    is_under_way = models.BooleanField(default=True)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    stages_done = models.JSONField(default=list)
    position = models.JSONField(null=True)
    row_total = models.PositiveBigIntegerField(null=True)
    row_count = models.PositiveBigIntegerField(default=0)
    finding_count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            *LeasedModel.Meta.constraints,
            models.CheckConstraint(
                condition=Q(is_under_way=True, ended_at__isnull=True) | Q(is_under_way=False, ended_at__isnull=False),
                name="verification_ended_or_under_way",
            ),
            models.UniqueConstraint(
                fields=["is_under_way"], condition=Q(is_under_way=True), name="one_verification_under_way"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-ended_at"], name="verifications_by_end"),
            models.Index(fields=["origin", "-started_at"], name="verifications_by_origin"),
            models.Index(fields=["-ended_at"], condition=Q(is_full=True), name="full_verifications"),
        ]

    def __str__(self) -> str:
        return f"{self.origin} {self.started_at:%Y-%m-%d %H:%M}: {self.finding_count} findings"


class VerificationFinding(models.Model):
    """Something that a run found wrong: a `records.verification.Finding`, whose `text` is translated when it is read.

    The workspace isn't a foreign key: what was tampered with may name one that doesn't exist.
    """

    run = models.ForeignKey(VerificationRun, on_delete=models.CASCADE, related_name="findings", db_index=False)
    number = models.PositiveIntegerField()
    stage = models.CharField(max_length=20)
    code = models.CharField(max_length=20)
    text = models.TextField()
    values = models.JSONField(default=dict)
    workspace_id = models.UUIDField(null=True)
    book = models.CharField(max_length=10, blank=True)
    sequence = models.BigIntegerField(null=True)
    expected = models.JSONField(null=True)
    found = models.JSONField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "number"], name="one_finding_per_number")]
        indexes: ClassVar = [models.Index(fields=["run", "workspace_id", "number"], name="findings_of_workspace")]

    def __str__(self) -> str:
        return str(self.as_finding())

    def as_finding(self) -> Finding:
        """What was found."""
        return Finding(
            code=self.code,
            text=self.text,
            values=self.values,
            workspace_id=self.workspace_id,
            book=self.book,
            sequence=self.sequence,
            expected=self.expected,
            found=self.found,
        )


class VerifiedHead(models.Model):
    """How far a chain was verified: the next run that isn't full goes on from there, and none may lose the row.

    `scope` is the workspace's id in hex, or "site". `is_sound` is False if the last run found something in the chain:
    then it is verified from its beginning until nothing is wrong any more, and the head stays what it was.
    """

    scope = models.CharField(max_length=32)
    book = models.CharField(max_length=10)
    sequence = models.PositiveBigIntegerField()
    hash = models.CharField(max_length=64)
    balances = models.JSONField(default=dict)
    is_sound = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["scope", "book"], name="one_verified_head_per_chain")]

    def __str__(self) -> str:
        return f"{self.scope}:{self.book} #{self.sequence}"

    def as_head(self) -> Head:
        """The head as the checks have it."""
        return Head(
            workspace_id=None if self.scope == SITE else uuid.UUID(self.scope),
            book=self.book,
            hash=self.hash,
            sequence=self.sequence,
            balances=self.balances,
        )
