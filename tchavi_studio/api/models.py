"""What `/v1` stores: API keys, answers to repeat, and request counts."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tchavi_studio.runtime.leases import LeasedModel
from tchavi_studio.workspaces.models import Workspace

KEY_PREFIX = "sk-tch_"
TEST_KEY_PREFIX = f"{KEY_PREFIX}test_"


class Scope(models.TextChoices):
    """What a key may do."""

    GENERATE = "generate", _("Generate and read")
    READ = "read", _("Read only")


class ApiKey(models.Model):
    """How a program signs in. It acts as `user` in `workspace`, and stops working when their membership ends.

    The key itself is shown once and never stored: `public_id` is the part that finds the row, `secret_sha256` the
    digest of the whole key. A test key's clips are free and made by the preview engine. The ledger may have a monthly
    spending limit for the key's id.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="api_keys")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(_("name"), max_length=60)
    is_test = models.BooleanField(default=False)
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.GENERATE)
    public_id = models.CharField(max_length=16, unique=True)
    secret_sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(scope__in=Scope.values), name="api_key_scope_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-created_at"], name="api_keys_of_workspace"),
            models.Index(fields=["user", "-created_at"], name="api_keys_of_person", condition=Q(revoked_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint})"

    @property
    def hint(self) -> str:
        """The start of the key, by which its owner recognises it."""
        return f"{TEST_KEY_PREFIX if self.is_test else KEY_PREFIX}{self.public_id[:6]}…"

    @property
    def is_revoked(self) -> bool:
        return self.revoked_at is not None

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def is_usable(self) -> bool:
        return not (self.is_revoked or self.has_expired)


class IdempotentRequest(LeasedModel):
    """One use of an Idempotency-Key: first a claim on the work, then the answer to repeat.

    The row's id is the generation's submission id, so a process that takes over after the lease has ended can't create
    or bill a second clip. Live and test requests are kept apart.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    is_test = models.BooleanField()
    key = models.CharField(max_length=255)
    request_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints: ClassVar = [
            *LeasedModel.Meta.constraints,
            models.UniqueConstraint(fields=["workspace", "is_test", "key"], name="one_request_per_idempotency_key"),
            models.CheckConstraint(
                condition=Q(status__isnull=True, body__isnull=True) | Q(status__isnull=False, body__isnull=False),
                name="answer_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.status or 'running'})"


class RequestCount(models.Model):
    """How many requests one subject (a key or an address) has made in one clock minute."""

    subject = models.CharField(max_length=64, primary_key=True)
    minute = models.PositiveIntegerField(db_index=True)
    count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.subject}: {self.count}"
