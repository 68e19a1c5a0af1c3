"""Endpoints, and the deliveries to them. A delivery's row is its outbox."""

import json
import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from tchavi_studio.runtime.leases import LeasedModel
from tchavi_studio.workspaces.models import Workspace

from .signing import new_secret

URL_MAX_LENGTH = 2000
MAX_ENDPOINTS_PER_WORKSPACE = 10


class Event(models.TextChoices):
    """The `type` of a message."""

    JOB_COMPLETED = "job.completed", gettext_lazy("A clip is finished")
    JOB_FAILED = "job.failed", gettext_lazy("A clip failed or was cancelled, and was refunded")
    TEST = "webhook.test", gettext_lazy("A test, sent manually")


EVENT_FIELDS = {Event.JOB_COMPLETED: "sends_completed", Event.JOB_FAILED: "sends_failed"}
"""The events an endpoint can subscribe to, each with its field. Tests need no subscription."""


class DisabledReason(models.TextChoices):
    """Why an endpoint was disabled."""

    BY_HAND = "by_hand", gettext_lazy("It was disabled manually.")
    GONE = "gone", gettext_lazy("It answered 410 Gone, so it doesn't want any more messages.")
    FAILING = "failing", gettext_lazy("Every attempt failed for more than a day.")


class WebhookEndpoint(models.Model):
    """A URL that messages are posted to.

    `secret` signs them, so it is stored unhashed. After a rotation the previous one signs too, until
    `previous_secret_until`. `failing_since` and `failure_count` cover the attempts since the last success.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="webhook_endpoints")
    url = models.CharField(gettext_lazy("URL"), max_length=URL_MAX_LENGTH)
    sends_completed = models.BooleanField(default=True)
    sends_failed = models.BooleanField(default=True)
    secret = models.CharField(max_length=100, default=new_secret)
    previous_secret = models.CharField(max_length=100, blank=True)
    previous_secret_until = models.DateTimeField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=10, choices=DisabledReason, blank=True)
    failing_since = models.DateTimeField(null=True)
    failure_count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(sends_completed=True) | Q(sends_failed=True), name="endpoint_has_events"
            ),
            models.CheckConstraint(
                condition=Q(disabled_at__isnull=True, disabled_reason="")
                | Q(disabled_at__isnull=False, disabled_reason__in=DisabledReason.values),
                name="disabled_endpoint_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(previous_secret="", previous_secret_until__isnull=True)
                | Q(~Q(previous_secret=""), previous_secret_until__isnull=False),
                name="previous_secret_has_end",
            ),
            models.CheckConstraint(
                condition=Q(failing_since__isnull=True, failure_count=0)
                | Q(failing_since__isnull=False, failure_count__gt=0),
                name="failing_endpoint_has_failures",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["workspace", "created_at"], name="endpoints_of_workspace")]

    def __str__(self) -> str:
        return f"{self.id} of {self.workspace_id}"

    @property
    def is_disabled(self) -> bool:
        return self.disabled_at is not None

    @property
    def events(self) -> list[Event]:
        """The events this endpoint subscribes to."""
        return [event for event, switch in EVENT_FIELDS.items() if getattr(self, switch)]

    @property
    def has_previous_secret(self) -> bool:
        """Whether the secret before the last rotation still signs."""
        return self.previous_secret_until is not None and self.previous_secret_until > timezone.now()

    @property
    def signing_secrets(self) -> list[str]:
        """The secrets that currently sign messages, newest first."""
        return [self.secret, *([self.previous_secret] if self.has_previous_secret else [])]


class DeliveryState(models.TextChoices):
    """The state of a delivery. Redelivering it starts again from any state."""

    PENDING = "pending", gettext_lazy("Waiting")
    DELIVERED = "delivered", gettext_lazy("Delivered")
    FAILED = "failed", gettext_lazy("Failed")


class Problem(models.TextChoices):
    """What was wrong with the last attempt. Closed ports, refused addresses and broken certificates all look the same,
    so that the studio can't be used to scan its own network.
    """

    UNREACHABLE = "unreachable", gettext_lazy("No answer: it couldn't be reached or took too long.")
    ANSWER = "answer", gettext_lazy("It didn't answer with a success status.")
    DISABLED = "disabled", gettext_lazy("The endpoint was disabled before delivery.")


class WebhookDelivery(LeasedModel):
    """One message to one endpoint: written together with the change it reports, then sent until it succeeds.

    `payload` is the exact body, so that every attempt sends the same bytes. `attempts` holds the latest ones: `{"at",
    "status_code", "duration_ms"}`. `attempt_count` restarts when a person redelivers the message.
    """

    message_id = models.CharField(max_length=36, unique=True)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=20, choices=Event)
    job_id = models.CharField(max_length=36, blank=True)
    payload = models.TextField()

    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    attempt_count = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, default=timezone.now)

    status_code = models.PositiveSmallIntegerField(null=True)
    problem = models.CharField(max_length=12, choices=Problem, blank=True)
    duration_ms = models.PositiveIntegerField(null=True)
    attempts = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            *LeasedModel.Meta.constraints,
            models.CheckConstraint(condition=Q(event__in=Event.values), name="delivery_event_known"),
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="delivery_state_known"),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.PENDING, next_attempt_at__isnull=False)
                | Q(~Q(state=DeliveryState.PENDING), next_attempt_at__isnull=True, leased_until__isnull=True),
                name="pending_has_next_attempt",
            ),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.DELIVERED, delivered_at__isnull=False, problem="")
                | Q(~Q(state=DeliveryState.DELIVERED), delivered_at__isnull=True),
                name="delivered_has_delivered_at",
            ),
            models.UniqueConstraint(
                fields=["endpoint", "event", "job_id"], condition=~Q(job_id=""), name="one_message_per_event"
            ),
        ]
        indexes: ClassVar = [
            # The same as "pending", but SQLite can't tell that a parameter is the value in an index's condition.
            models.Index(
                fields=["next_attempt_at", "id"], condition=Q(next_attempt_at__isnull=False), name="deliveries_due"
            ),
            # Its second field lets the first due delivery of each endpoint be looked up.
            models.Index(
                fields=["endpoint", "next_attempt_at", "id"],
                condition=Q(next_attempt_at__isnull=False),
                name="deliveries_due_of_endpoint",
            ),
            models.Index(fields=["leased_until"], condition=Q(leased_until__isnull=False), name="deliveries_leased"),
            models.Index(fields=["endpoint", "-id"], name="deliveries_of_endpoint"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} ({self.state})"

    @property
    def is_being_sent(self) -> bool:
        return self.leased_until is not None and self.leased_until > timezone.now()

    @property
    def needs_refresh(self) -> bool:
        """Whether a page showing this delivery will soon be out of date."""
        soon = timezone.now() + timedelta(seconds=10)
        return self.next_attempt_at is not None and (self.is_being_sent or self.next_attempt_at <= soon)

    @property
    def explanation(self) -> str:
        """What was wrong with the last attempt, for people; "" if nothing was."""
        if self.problem == Problem.ANSWER:
            answered = gettext("It answered %(status)s.") % {"status": self.status_code}
            return f"{answered} {answer_hint(self.status_code)}".strip()
        return str(Problem(self.problem).label) if self.problem else ""

    @property
    def readable_payload(self) -> str:
        return json.dumps(json.loads(self.payload), indent=2, ensure_ascii=False)

    @property
    def attempt_log(self) -> list[dict[str, Any]]:
        """The latest attempts, newest first, as a page shows them."""
        return [
            {
                "at": datetime.fromisoformat(attempt["at"]),
                "status_code": attempt["status_code"],
                "duration_ms": attempt["duration_ms"],
                "is_success": is_success(attempt["status_code"]),
                "hint": answer_hint(attempt["status_code"]),
            }
            for attempt in reversed(self.attempts)
        ]


def is_success(status_code: int | None) -> bool:
    """Whether the status code accepts the message: any 2xx."""
    return status_code is not None and 200 <= status_code < 300


def answer_hint(status_code: int | None) -> str:
    """Advice about a status code, for people. None means there was no answer."""
    if status_code is None:
        return gettext("It couldn't be reached or took too long.")
    return gettext("Redirects aren't followed. Enter the final URL instead.") if 300 <= status_code < 400 else ""
