"""Reads of endpoints and deliveries. What people see always starts from their workspace."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from tchavi_studio.runtime.leases import free, taken
from tchavi_studio.workspaces.models import Workspace

from .models import EVENT_FIELDS, DeliveryState, Event, WebhookDelivery, WebhookEndpoint

ROWS_PER_PAGE = 20


def enabled_endpoints(event: Event) -> QuerySet[WebhookEndpoint]:
    """All enabled endpoints that subscribe to `event`, from every workspace."""
    return WebhookEndpoint.objects.filter(disabled_at=None, **{EVENT_FIELDS[event]: True})


def due_deliveries(now: datetime) -> QuerySet[WebhookDelivery]:
    """Deliveries due at `now` that nobody is sending, longest due first."""
    return WebhookDelivery.objects.filter(
        free(now),
        # A subquery, because claims update with this condition and can't join.
        Exists(WebhookEndpoint.objects.filter(pk=OuterRef("endpoint"), disabled_at=None)),
        state=DeliveryState.PENDING,
        next_attempt_at__lte=now,
    ).order_by("next_attempt_at", "id")


def deliveries_being_sent(now: datetime) -> QuerySet[WebhookDelivery]:
    """Deliveries that workers, on any machine, are sending at `now`."""
    return WebhookDelivery.objects.filter(taken(now), state=DeliveryState.PENDING)


def endpoints_with_due(now: datetime) -> QuerySet[WebhookEndpoint]:
    """The enabled endpoints, of every workspace, with a delivery due at `now`: the longest due first."""
    due = due_deliveries(now).filter(endpoint=OuterRef("pk")).values("next_attempt_at")[:1]
    return (
        WebhookEndpoint.objects.annotate(due_since=Subquery(due)).filter(due_since__isnull=False).order_by("due_since")
    )


def endpoints_for_workspace(workspace: Workspace) -> QuerySet[WebhookEndpoint]:
    """A workspace's endpoints, oldest first, each with `last_state` and `last_at` of its newest delivery."""
    newest = WebhookDelivery.objects.filter(endpoint=OuterRef("pk")).order_by("-id")
    return (
        WebhookEndpoint.objects.filter(workspace=workspace)
        .annotate(last_state=Subquery(newest.values("state")[:1]), last_at=Subquery(newest.values("created_at")[:1]))
        .order_by("created_at", "id")
    )


def endpoint_for_workspace(workspace: Workspace, endpoint_id: UUID) -> WebhookEndpoint:
    """One of the workspace's endpoints. Raises WebhookEndpoint.DoesNotExist, even for another workspace's."""
    return WebhookEndpoint.objects.select_related("created_by").get(workspace=workspace, pk=endpoint_id)


def delivery_for_workspace(workspace: Workspace, endpoint_id: UUID, message_id: str) -> WebhookDelivery:
    """One delivery to one of the workspace's endpoints. Raises WebhookDelivery.DoesNotExist."""
    return WebhookDelivery.objects.select_related("endpoint").get(
        endpoint__workspace=workspace, endpoint=endpoint_id, message_id=message_id
    )


@dataclass(frozen=True, kw_only=True)
class DeliveryPage:
    """A page of an endpoint's log, newest first. `newer` and `older` are the ids to continue from, None at the ends."""

    rows: list[WebhookDelivery]
    newer: int | None
    older: int | None

    @property
    def needs_refresh(self) -> bool:
        return any(delivery.needs_refresh for delivery in self.rows)


def delivery_page(
    *, endpoint: WebhookEndpoint, state: str = "", before: int | None = None, after: int | None = None
) -> DeliveryPage:
    """The endpoint's deliveries, all or in one state, older than the id `before` or just newer than the id `after`.

    Keyset pagination: new deliveries don't shift the pages.
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
