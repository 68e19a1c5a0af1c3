"""Writes to endpoints and the outbox. `delivery.py` sends what is recorded here."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from tchavi_studio.refusals import UserFacingError
from tchavi_studio.runtime.leases import RELEASED, free
from tchavi_studio.workspaces.activity import Kind, record_activity
from tchavi_studio.workspaces.models import User, Workspace

from .models import (
    EVENT_FIELDS,
    MAX_ENDPOINTS_PER_WORKSPACE,
    DeliveryState,
    DisabledReason,
    Event,
    Problem,
    WebhookDelivery,
    WebhookEndpoint,
)
from .notices import email_disabled_endpoint
from .queries import enabled_endpoints
from .signing import new_secret
from .wakeups import wake_deliveries

PREVIOUS_SECRET_LIFETIME = timedelta(hours=24)
DELIVERY_RETENTION = timedelta(days=30)


class TooManyEndpointsError(UserFacingError):
    """The workspace already has MAX_ENDPOINTS_PER_WORKSPACE."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "A workspace can have up to %(max)s webhooks, so nothing was added. Delete one you no longer need, "
                "then try again."
            )
            % {"max": MAX_ENDPOINTS_PER_WORKSPACE}
        )


class EndpointDisabledError(UserFacingError):
    """Nothing is sent to a disabled endpoint."""

    def __init__(self) -> None:
        super().__init__(_("This webhook is disabled, so nothing was sent. Enable it first."))


class PendingTestError(UserFacingError):
    """The endpoint's last test hasn't been sent yet."""

    def __init__(self) -> None:
        super().__init__(_("A test is already on its way, so nothing was added. The log will show the result."))


class DeliveryInProgressError(UserFacingError):
    """A worker is sending the message right now."""

    def __init__(self) -> None:
        super().__init__(_("This message is being sent right now. Try again in a moment."))


# --- Endpoints --------------------------------------------------------------------------------------------------------


def create_endpoint(*, workspace: Workspace, creator: User, url: str, events: list[Event]) -> WebhookEndpoint:
    """Add an endpoint with a new secret. Raises TooManyEndpointsError at MAX_ENDPOINTS_PER_WORKSPACE."""
    with transaction.atomic():
        # Lock the workspace's row, so that concurrent requests can't exceed the maximum.
        Workspace.objects.select_for_update().get(pk=workspace.pk)
        if workspace.webhook_endpoints.count() >= MAX_ENDPOINTS_PER_WORKSPACE:
            raise TooManyEndpointsError
        endpoint = WebhookEndpoint.objects.create(
            workspace=workspace, created_by=creator, url=url, **_event_fields(events)
        )
        _record(Kind.WEBHOOK_CREATED, endpoint, url, creator)
        return endpoint


@transaction.atomic
def edit_endpoint(*, endpoint: WebhookEndpoint, url: str, events: list[Event], actor: User) -> None:
    """Change an endpoint's URL and events. Waiting messages go to the new URL."""
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url=url, **_event_fields(events))
    _record(Kind.WEBHOOK_CHANGED, endpoint, url, actor)


def _record(kind: Kind, endpoint: WebhookEndpoint, url: str, actor: User | None) -> None:
    # Of the URL the host alone: the rest may hold a secret, and activity can't be deleted.
    details = {"host": urlsplit(url).hostname or ""}
    record_activity(workspace=endpoint.workspace, kind=kind, actor=actor, reference=endpoint.pk, details=details)


def _event_fields(events: list[Event]) -> dict[str, bool]:
    return {switch: event in events for event, switch in EVENT_FIELDS.items()}


@transaction.atomic
def rotate_secret(*, endpoint: WebhookEndpoint, actor: User) -> None:
    """Give the endpoint a new secret. The previous one signs too for PREVIOUS_SECRET_LIFETIME; older ones stop."""
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        previous_secret=F("secret"),
        previous_secret_until=timezone.now() + PREVIOUS_SECRET_LIFETIME,
        secret=new_secret(),
    )
    _record(Kind.WEBHOOK_CHANGED, endpoint, endpoint.url, actor)


@transaction.atomic
def enable_endpoint(*, endpoint: WebhookEndpoint, actor: User) -> None:
    """Resume sending to the endpoint and forget its failures."""
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        disabled_at=None, disabled_reason="", failing_since=None, failure_count=0
    )
    _record(Kind.WEBHOOK_CHANGED, endpoint, endpoint.url, actor)


def disable_endpoint(*, endpoint: WebhookEndpoint, reason: DisabledReason, actor: User | None = None) -> bool:
    """Stop sending to the endpoint. Waiting messages fail, and can be redelivered once it is enabled again.

    Returns False if it was already disabled. Unless a person did it, the workspace's managers get an email.
    """
    with transaction.atomic():
        disabled = WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at=None).update(
            disabled_at=timezone.now(), disabled_reason=reason
        )
        endpoint.deliveries.filter(state=DeliveryState.PENDING, next_attempt_at__isnull=False).update(
            state=DeliveryState.FAILED, next_attempt_at=None, problem=Problem.DISABLED, **RELEASED
        )
        if disabled and reason != DisabledReason.BY_HAND:
            transaction.on_commit(lambda: email_disabled_endpoint(endpoint.pk))
        if disabled:
            _record(Kind.WEBHOOK_CHANGED, endpoint, endpoint.url, actor)
    return disabled == 1


def delete_endpoint(*, endpoint: WebhookEndpoint, actor: User | None) -> None:
    """Delete the endpoint with its log and its waiting messages."""
    with transaction.atomic():
        WebhookEndpoint.objects.select_for_update().filter(pk=endpoint.pk).first()
        _record(Kind.WEBHOOK_DELETED, endpoint, endpoint.url, actor)
        endpoint.delete()


# --- Messages ---------------------------------------------------------------------------------------------------------


def record_event(*, workspace_id: uuid.UUID, event: Event, job_id: str, data: Mapping[str, Any]) -> int:
    """Record a message for each endpoint that subscribes to `event`; returns how many.

    Call it in the transaction that causes the event, so that both are committed or neither. `data` is JSON.
    """
    assert connection.in_atomic_block, "events must be recorded in the transaction that causes them"
    # Locked until the commit: deleting an endpoint now must not roll back the event's cause.
    endpoints = enabled_endpoints(event).filter(workspace=workspace_id).select_for_update(no_key=True).order_by("pk")
    deliveries = [_message(endpoint, event, data, job_id=job_id) for endpoint in endpoints]
    if deliveries:
        WebhookDelivery.objects.bulk_create(deliveries)
        transaction.on_commit(wake_deliveries)
    return len(deliveries)


def send_test_event(*, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Queue a test for this endpoint, whatever its events. Raises EndpointDisabledError and PendingTestError."""
    if endpoint.is_disabled:
        raise EndpointDisabledError
    with transaction.atomic():
        _refuse_second_test(endpoint)
        delivery = _message(endpoint, Event.TEST, {"webhook": str(endpoint.pk)})
        delivery.save()
        transaction.on_commit(wake_deliveries)
    return delivery


def _refuse_second_test(endpoint: WebhookEndpoint) -> None:
    """Raise PendingTestError if a test waits or is being sent. The lock keeps concurrent requests apart."""
    WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=endpoint.pk).first()
    if endpoint.deliveries.filter(event=Event.TEST, next_attempt_at__isnull=False).exists():
        raise PendingTestError


def _message(endpoint: WebhookEndpoint, event: Event, data: Mapping[str, Any], *, job_id: str = "") -> WebhookDelivery:
    now = timezone.now()
    payload = {"type": event.value, "timestamp": iso_utc(now), "data": data}
    return WebhookDelivery(
        message_id=f"msg_{uuid.uuid4().hex}",
        endpoint=endpoint,
        event=event,
        job_id=job_id,
        payload=json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
        created_at=now,
        next_attempt_at=now,
    )


def iso_utc(when: datetime) -> str:
    """A time as ISO 8601 in UTC, to the second: 2026-11-23T14:00:00Z."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def redeliver(*, delivery: WebhookDelivery) -> None:
    """Send a message again, whatever its state, with the same id and a full set of attempts.

    Raises EndpointDisabledError, DeliveryInProgressError while a worker is sending it, and for a test PendingTestError.
    """
    if delivery.endpoint.is_disabled:
        raise EndpointDisabledError
    now = timezone.now()
    with transaction.atomic():
        if delivery.event == Event.TEST and delivery.state != DeliveryState.PENDING:
            _refuse_second_test(delivery.endpoint)
        # Release it, so that a worker whose lease has expired can no longer write its outcome.
        asked = WebhookDelivery.objects.filter(free(now), pk=delivery.pk).update(
            state=DeliveryState.PENDING,
            attempt_count=0,
            next_attempt_at=now,
            problem="",
            delivered_at=None,
            **RELEASED,
        )
        if not asked:
            raise DeliveryInProgressError
        transaction.on_commit(wake_deliveries)


def delete_old_deliveries(*, max_count: int = 500) -> int:
    """Delete up to `max_count` settled deliveries older than DELIVERY_RETENTION, oldest first."""
    old = WebhookDelivery.objects.filter(created_at__lt=timezone.now() - DELIVERY_RETENTION).exclude(
        state=DeliveryState.PENDING
    )
    oldest = list(old.order_by("created_at").values_list("pk", flat=True)[:max_count])
    return WebhookDelivery.objects.filter(pk__in=oldest).delete()[0] if oldest else 0
