"""Our records of the provider: jobs, the provider account, and uploaded files."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from tchavi_studio.assets.models import Asset
from tchavi_studio.runtime.leases import LeasedModel


class RemoteJob(LeasedModel):
    """One generation at the provider: what was sent, its id there, and when to look at it again.

    Written before the request is sent, so a process that dies afterwards leaves a trace. `reference` is the
    generation's id, as in the ledger: the row outlives a purged clip, so that a billed job always has an owner.

    `poll_at` is when to look at the job again; None if there is nothing to look at. `billed_credits` and
    `refunded_credits` are the provider's own figures. `damaged_count` is how often the finished clip arrived damaged.
    `settled_late_at` is when we saw that a job had ended after its clip was refunded.
    """

    reference = models.UUIDField(primary_key=True)
    generation = models.OneToOneField(
        "generations.Generation", on_delete=models.SET_NULL, null=True, related_name="remote_job"
    )
    attempt_id = models.UUIDField(unique=True)
    sent_at = models.DateTimeField()
    lost_at = models.DateTimeField(null=True)
    remote_id = models.CharField(max_length=200, null=True, unique=True)  # noqa: DJ001  # unique, so absent is NULL
    is_running = models.BooleanField(default=False)
    output_url = models.TextField(blank=True)
    damaged_count = models.PositiveSmallIntegerField(default=0)
    billed_credits = models.BigIntegerField(null=True)
    refunded_credits = models.BigIntegerField(null=True)
    poll_at = models.DateTimeField(null=True)
    settled_late_at = models.DateTimeField(null=True)
    reviewed_at = models.DateTimeField(null=True)
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            *LeasedModel.Meta.constraints,
            models.CheckConstraint(
                condition=Q(poll_at__isnull=True) | Q(remote_id__isnull=False), name="followed_job_has_a_name"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["poll_at"], condition=Q(poll_at__isnull=False), name="remote_job_due"),
            models.Index(fields=["leased_by"], condition=Q(leased_by__isnull=False), name="remote_job_leased"),
            models.Index(fields=["-sent_at", "-reference"], name="remote_job_newest"),
        ]

    def __str__(self) -> str:
        return self.remote_id or f"attempt {self.attempt_id}"


class UpstreamAccount(models.Model):
    """What the provider account allows right now. One row, shared by every pump of the installation.

    `tokens` is how many requests could be made at `counted_at`; it refills over time (see account.py). Nothing is sent
    before `blocked_until`. `failure_count` counts requests in a row without a useful answer. `is_healthy` is False from
    the first such failure until a request that costs nothing is answered; submissions wait for that. `takes_files` is
    None until the provider has been asked. All of it applies to `base_url` only.
    """

    base_url = models.CharField(max_length=300, blank=True)
    tokens = models.FloatField(default=2)
    counted_at = models.DateTimeField(default=timezone.now)
    limit_per_minute = models.PositiveIntegerField(null=True)
    blocked_until = models.DateTimeField(null=True)
    failure_count = models.PositiveIntegerField(default=0)
    is_healthy = models.BooleanField(default=True)
    takes_files = models.BooleanField(null=True)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(pk=1), name="one_upstream_account")]

    def __str__(self) -> str:
        return f"{self.tokens:.1f} requests left"


class AccountPause(models.Model):
    """The provider refuses the provider account for `model`, or for every model if it is ""."""

    model = models.CharField(max_length=20, unique=True, blank=True)
    code = models.CharField(max_length=60)
    message = models.TextField()
    since = models.DateTimeField(default=timezone.now)
    try_again_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.model or 'every model'}: {self.code}"


class PumpSlot(LeasedModel):
    """Room for one running pump. There are STUDIO_PUMPS of them, so that pumps don't occupy every worker."""

    number = models.PositiveSmallIntegerField(primary_key=True)

    def __str__(self) -> str:
        return f"slot {self.number}"


class RemoteFile(models.Model):
    """A reference uploaded to the provider. Requests may use its URL until `expires_at`."""

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="+")
    base_url = models.CharField(max_length=300)
    url = models.TextField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["asset", "base_url"], name="uploaded_once")]

    def __str__(self) -> str:
        return f"{self.asset_id} at {self.base_url}"
