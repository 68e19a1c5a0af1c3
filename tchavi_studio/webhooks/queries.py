"""Reads on endpoints and deliveries. What a person sees begins with the workspace they are in."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from tchavi_studio.runtime.leases import free, taken
from tchavi_studio.workspaces.models import Workspace

from .models import EVENT_SWITCHES, DeliveryState, Event, WebhookDelivery, WebhookEndpoint

ROWS_PER_PAGE = 20


def enabled_endpoints(event: Event) -> QuerySet[WebhookEndpoint]:
    """All endpoints that are to be told of `event`, of every workspace."""
    return WebhookEndpoint.objects.filter(disabled_at=None, **{EVENT_SWITCHES[event]: True})


def due_deliveries(now: datetime) -> QuerySet[WebhookDelivery]:
    """What is to be sent at `now` and nobody is sending, longest due first."""
    return WebhookDelivery.objects.filter(
        free(now),
        state=DeliveryState.PENDING,
        next_attempt_at__lte=now,
        # Not by a join: it is claimed with this condition.
        endpoint__in=WebhookEndpoint.objects.filter(disabled_at=None),
    ).order_by("next_attempt_at", "id")


def deliveries_being_sent(now: datetime) -> QuerySet[WebhookDelivery]:
    """What some worker, of any machine, is sending at `now`."""
    return WebhookDelivery.objects.filter(taken(now), state=DeliveryState.PENDING)


def endpoints_for_workspace(workspace: Workspace) -> QuerySet[WebhookEndpoint]:
    """A workspace's endpoints, oldest first, each with `last_state` and `last_at` of its newest delivery."""
    newest = WebhookDelivery.objects.filter(endpoint=OuterRef("pk")).order_by("-id")
    return (
        WebhookEndpoint.objects.filter(workspace=workspace)
        .annotate(last_state=Subquery(newest.values("state")[:1]), last_at=Subquery(newest.values("created_at")[:1]))
        .order_by("created_at", "id")
    )


def endpoint_for_workspace(workspace: Workspace, endpoint_id: UUID) -> WebhookEndpoint:
    """One of the workspace's endpoints. Raises WebhookEndpoint.DoesNotExist, also for another workspace's."""
    return WebhookEndpoint.objects.select_related("created_by").get(workspace=workspace, pk=endpoint_id)


def delivery_for_workspace(workspace: Workspace, endpoint_id: UUID, message_id: str) -> WebhookDelivery:
    """One delivery to one of the workspace's endpoints. Raises WebhookDelivery.DoesNotExist."""
    return WebhookDelivery.objects.select_related("endpoint").get(
        endpoint__workspace=workspace, endpoint=endpoint_id, message_id=message_id
    )


@dataclass(frozen=True, kw_only=True)
class DeliveryPage:
    """A page of an endpoint's log, newest first. `newer` and `older` are the ids to go on from, None at the ends."""

    rows: list[WebhookDelivery]
    newer: int | None
    older: int | None

    @property
    def is_moving(self) -> bool:
        return any(delivery.is_moving for delivery in self.rows)


def delivery_page(
    *, endpoint: WebhookEndpoint, state: str = "", before: int | None = None, after: int | None = None
) -> DeliveryPage:
    """The endpoint's deliveries of one state (or all), older than the id `before` or just newer than the id `after`.

    Rows are found by their place, so a page stays the same however many are written meanwhile.
    """
    deliveries = endpoint.deliveries.defer("payload", "attempts")
    if state:
        deliveries = deliveries.filter(state=state)
    if after is not None:
        nearest = list(deliveries.filter(pk__gt=after).order_by("id")[: ROWS_PER_PAGE + 1])
        found, more_newer, more_older = nearest[:ROWS_PER_PAGE][::-1], len(nearest) > ROWS_PER_PAGE, True
    else:
        if before is not None:
            deliveries = deliveries.filter(pk__lt=before)
        found = list(deliveries.order_by("-id")[: ROWS_PER_PAGE + 1])
        more_newer, more_older = before is not None, len(found) > ROWS_PER_PAGE
        found = found[:ROWS_PER_PAGE]
    return DeliveryPage(
        rows=found,
        newer=found[0].pk if found and more_newer else None,
        older=found[-1].pk if found and more_older else None,
    )
