"""Writes on endpoints, and the outbox: what is recorded here is sent by `delivery.py`."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from tchavi_studio.refusals import UserFacingError
from tchavi_studio.runtime.leases import RELEASED, free
from tchavi_studio.workspaces.models import User, Workspace

from .models import (
    EVENT_SWITCHES,
    MAX_ENDPOINTS_PER_WORKSPACE,
    DeliveryState,
    DisabledReason,
    Event,
    Problem,
    WebhookDelivery,
    WebhookEndpoint,
)
from .notices import tell_of_disabled_endpoint
from .queries import enabled_endpoints
from .signing import new_secret
from .wakeups import wake_deliveries

PREVIOUS_SECRET_VALID = timedelta(hours=24)
DELIVERIES_KEPT = timedelta(days=30)


class TooManyEndpointsError(UserFacingError):
    """The workspace has MAX_ENDPOINTS_PER_WORKSPACE already."""

    def __init__(self) -> None:
        super().__init__(
            _("A workspace can have up to %(max)s webhooks. Nothing was added. Delete one that you no longer need.")
            % {"max": MAX_ENDPOINTS_PER_WORKSPACE}
        )


class EndpointDisabledError(UserFacingError):
    """Nothing is sent to a disabled endpoint."""

    def __init__(self) -> None:
        super().__init__(_("This webhook is disabled, so nothing was sent. Enable it first."))


class BeingSentError(UserFacingError):
    """The delivery is under way at this moment."""

    def __init__(self) -> None:
        super().__init__(_("This message is being sent right now. Look again in a moment."))


# --- Endpoints --------------------------------------------------------------------------------------------------------


def create_endpoint(*, workspace: Workspace, creator: User, url: str, events: list[Event]) -> WebhookEndpoint:
    """Add an endpoint with a secret of its own. Raises TooManyEndpointsError at MAX_ENDPOINTS_PER_WORKSPACE."""
    with transaction.atomic():
        # The workspace's row is held, so that two at once can't both be the last that fits.
        Workspace.objects.select_for_update().get(pk=workspace.pk)
        if workspace.webhook_endpoints.count() >= MAX_ENDPOINTS_PER_WORKSPACE:
            raise TooManyEndpointsError
        return WebhookEndpoint.objects.create(workspace=workspace, created_by=creator, url=url, **_switches(events))


def edit_endpoint(*, endpoint: WebhookEndpoint, url: str, events: list[Event]) -> None:
    """Change where messages go and which. What already waits goes to the new address."""
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url=url, **_switches(events))


def _switches(events: list[Event]) -> dict[str, bool]:
    return {switch: event in events for event, switch in EVENT_SWITCHES.items()}


def rotate_secret(*, endpoint: WebhookEndpoint) -> None:
    """Give the endpoint a new secret. The one before signs as well for PREVIOUS_SECRET_VALID, older ones no more."""
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        previous_secret=F("secret"),
        previous_secret_until=timezone.now() + PREVIOUS_SECRET_VALID,
        secret=new_secret(),
    )


def enable_endpoint(*, endpoint: WebhookEndpoint) -> None:
    """Send to the endpoint again, as if it had never failed."""
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        disabled_at=None, disabled_reason="", failing_since=None, failure_count=0
    )


def disable_endpoint(*, endpoint: WebhookEndpoint, reason: DisabledReason) -> bool:
    """Send nothing more to the endpoint; what still waits for it fails, and can be redelivered once it is enabled.

    False: it was disabled already. Unless a person did it, the workspace's managers are told by mail.
    """
    with transaction.atomic():
        disabled = WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at=None).update(
            disabled_at=timezone.now(), disabled_reason=reason
        )
        endpoint.deliveries.filter(state=DeliveryState.PENDING).update(
            state=DeliveryState.FAILED, next_attempt_at=None, problem=Problem.DISABLED, **RELEASED
        )
        if disabled and reason != DisabledReason.BY_HAND:
            transaction.on_commit(lambda: tell_of_disabled_endpoint(endpoint.pk))
    return disabled == 1


def delete_endpoint(*, endpoint: WebhookEndpoint) -> None:
    """Delete the endpoint with its log, and with what still waits for it."""
    with transaction.atomic():
        WebhookEndpoint.objects.select_for_update().filter(pk=endpoint.pk).first()
        endpoint.delete()


# --- Messages ---------------------------------------------------------------------------------------------------------


def record_event(*, workspace_id: uuid.UUID, event: Event, job_id: str, data: Mapping[str, Any]) -> int:
    """Write down, for each endpoint that asks for `event`, that it is to be told; returns how many.

    Call it in the transaction that makes the event true: both are committed, or neither. `data` is JSON.
    """
    assert connection.in_atomic_block, "an event is recorded in the transaction of its cause"
    # Held until the commit: an endpoint that is deleted meanwhile must not take the cause of the event with it.
    endpoints = enabled_endpoints(event).filter(workspace=workspace_id).select_for_update(no_key=True).order_by("pk")
    deliveries = [_message(endpoint, event, data, job_id=job_id) for endpoint in endpoints]
    if deliveries:
        WebhookDelivery.objects.bulk_create(deliveries)
        transaction.on_commit(wake_deliveries)
    return len(deliveries)


def send_test_event(*, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Queue a test for this endpoint, whichever events it asks for. Raises EndpointDisabledError."""
    if endpoint.is_disabled:
        raise EndpointDisabledError
    with transaction.atomic():
        delivery = _message(endpoint, Event.TEST, {"webhook": str(endpoint.pk)})
        delivery.save()
        transaction.on_commit(wake_deliveries)
    return delivery


def _message(endpoint: WebhookEndpoint, event: Event, data: Mapping[str, Any], *, job_id: str = "") -> WebhookDelivery:
    now = timezone.now()
    payload = {"type": event.value, "timestamp": moment(now), "data": data}
    return WebhookDelivery(
        message_id=f"msg_{uuid.uuid4().hex}",
        endpoint=endpoint,
        event=event,
        job_id=job_id,
        payload=json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
        created_at=now,
        next_attempt_at=now,
    )


def moment(when: datetime) -> str:
    """An instant as ISO 8601 in UTC, to the second: 2026-11-23T14:00:00Z."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def redeliver(*, delivery: WebhookDelivery) -> None:
    """Send a message again from now on, whatever became of it, with all its attempts and under the same id.

    Raises EndpointDisabledError, and BeingSentError while a worker is sending it.
    """
    if delivery.endpoint.is_disabled:
        raise EndpointDisabledError
    now = timezone.now()
    with transaction.atomic():
        # Released: what a worker whose lease has ended has still to say is of the past.
        asked = WebhookDelivery.objects.filter(free(now), pk=delivery.pk).update(
            state=DeliveryState.PENDING,
            attempt_count=0,
            next_attempt_at=now,
            problem="",
            delivered_at=None,
            **RELEASED,
        )
        if not asked:
            raise BeingSentError
        transaction.on_commit(wake_deliveries)


def delete_old_deliveries(*, most: int = 500) -> int:
    """Delete what was settled and is older than DELIVERIES_KEPT, at most `most` at once."""
    old = WebhookDelivery.objects.filter(created_at__lt=timezone.now() - DELIVERIES_KEPT).exclude(
        state=DeliveryState.PENDING
    )
    oldest = list(old.order_by("created_at").values_list("pk", flat=True)[:most])
    return WebhookDelivery.objects.filter(pk__in=oldest).delete()[0] if oldest else 0
