"""How a message gets to its endpoint: claimed, sent, settled. Claiming and settling are compare-and-set.

Delivery is at least once: if a worker dies in between, its lease expires and the message is sent again with the same
id. Order isn't guaranteed.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from tchavi_studio.outbound import OutboundRefusedError, post_bytes
from tchavi_studio.runtime.fairness import Turns
from tchavi_studio.runtime.leases import RELEASED, Claim, claim_first

from .addresses import outbound_policy, url_problem
from .models import DeliveryState, DisabledReason, Event, Problem, WebhookDelivery, WebhookEndpoint, is_success
from .queries import deliveries_being_sent, due_deliveries, endpoints_with_due
from .services import disable_endpoint
from .signing import signature_headers

MAX_PARALLEL = 8
MAX_PARALLEL_PER_WORKSPACE = 3
MAX_PARALLEL_PER_ENDPOINT = 2
MAX_PARALLEL_FAILING = 4
"""However slow the receivers of a workspace, or how many fail, there is room for others."""

TIMEOUT_SECONDS = 10
LEASE = timedelta(seconds=30)

RETRY_DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
"""The waits after the first, second, … failed attempt, as Standard Webhooks recommends; just over a day in total."""

MAX_ATTEMPTS = len(RETRY_DELAYS) + 1
MAX_JITTER = 0.1
DISABLE_AFTER = timedelta(hours=24)
"""An endpoint is disabled if a message runs out of attempts and it has had no success for this long."""

MAX_LOGGED_ATTEMPTS = 20
GONE = 410

_random = SystemRandom()


def jitter() -> float:
    """A factor from 1 to 1 + MAX_JITTER, so that messages that failed together aren't retried together."""
    return _random.uniform(1, 1 + MAX_JITTER)


@dataclass(frozen=True, kw_only=True)
class ClaimedDelivery:
    """A message that a worker has claimed: its row at that time, with its endpoint."""

    claim: Claim[WebhookDelivery]
    delivery: WebhookDelivery


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The outcome of an attempt. Without an answer both fields are None: the duration could distinguish a closed port
    from a silent one.
    """

    status_code: int | None = None
    duration_ms: int | None = None


_turns = Turns()


def claim_next_delivery() -> ClaimedDelivery | None:
    """Claim the next message: with turns between workspaces and endpoints, those that fail behind those that work.

    None if nothing is due, or as much is being sent as may be: in all, of one workspace, to one endpoint.
    """
    now = timezone.now()
    for endpoint in _endpoints_in_turn(now):
        due = due_deliveries(now).filter(endpoint=endpoint.pk)
        while (claim := claim_first(due, lease=LEASE, attempt_count=F("attempt_count") + 1)) is not None:
            # None if its endpoint was deleted or disabled at that very moment.
            if (delivery := claim.rows.select_related("endpoint").first()) is not None:
                _turns.note((endpoint.workspace_id, endpoint.pk))
                return ClaimedDelivery(claim=claim, delivery=delivery)
    return None


def _endpoints_in_turn(now: datetime) -> Iterator[WebhookEndpoint]:
    """The endpoints with messages that may be sent now, next one first."""
    being_sent = WebhookEndpoint.objects.filter(deliveries__in=deliveries_being_sent(now))
    under_way = list(being_sent.values_list("workspace_id", "pk", "failing_since"))
    if len(under_way) >= MAX_PARALLEL:
        return
    by_workspace = Counter(workspace_id for workspace_id, _pk, _failing_since in under_way)
    by_endpoint = Counter(pk for _workspace_id, pk, _failing_since in under_way)
    failing_count = sum(failing_since is not None for _workspace_id, _pk, failing_since in under_way)
    waiting = [
        endpoint
        for endpoint in endpoints_with_due(now).only("workspace_id", "failing_since")
        if by_workspace[endpoint.workspace_id] < MAX_PARALLEL_PER_WORKSPACE
        and by_endpoint[endpoint.pk] < MAX_PARALLEL_PER_ENDPOINT
    ]
    working = [endpoint for endpoint in waiting if endpoint.failing_since is None]
    failing = [endpoint for endpoint in waiting if endpoint.failing_since is not None]
    for equals in (working, failing if failing_count < MAX_PARALLEL_FAILING else []):
        while equals:
            yield equals.pop(_turns.next_in([(endpoint.workspace_id, endpoint.pk) for endpoint in equals]))


def send(claimed: ClaimedDelivery) -> Answer:
    """Post a claimed message. Runs in a thread and uses no database. The URL is checked again for each attempt."""
    delivery, endpoint = claimed.delivery, claimed.delivery.endpoint
    headers = signature_headers(
        message_id=delivery.message_id,
        at=timezone.now(),
        body=delivery.payload,
        signing_secrets=endpoint.signing_secrets,
    )
    began = time.monotonic()
    try:
        if url_problem(endpoint.url):
            raise OutboundRefusedError
        status_code = post_bytes(
            endpoint.url,
            delivery.payload.encode(),
            headers={"Content-Type": "application/json", **headers},
            timeout_seconds=TIMEOUT_SECONDS,
            policy=outbound_policy(),
        )
    except OutboundRefusedError:
        return Answer()
    return Answer(status_code=status_code, duration_ms=round((time.monotonic() - began) * 1000))


def settle(claimed: ClaimedDelivery, answer: Answer) -> bool:
    """Record the outcome of an attempt: delivered, to be retried, or failed.

    Returns False if the claim was lost in the meantime; then nothing is written.
    """
    claim, delivery, now = claimed.claim, claimed.delivery, timezone.now()
    delivered = is_success(answer.status_code)
    # Nobody would be waiting for a retried test.
    exhausted = delivery.event == Event.TEST or delivery.attempt_count >= MAX_ATTEMPTS
    attempt = {"at": now.isoformat(), "status_code": answer.status_code, "duration_ms": answer.duration_ms}
    changes: dict[str, Any] = {"state": DeliveryState.PENDING, "next_attempt_at": None, "delivered_at": None}
    if delivered:
        changes |= {"state": DeliveryState.DELIVERED, "delivered_at": now}
    elif exhausted or answer.status_code == GONE:
        changes |= {"state": DeliveryState.FAILED}
    else:
        changes |= {"next_attempt_at": now + RETRY_DELAYS[delivery.attempt_count - 1] * jitter()}
    problem = Problem.UNREACHABLE if answer.status_code is None else Problem.ANSWER
    with transaction.atomic():
        # Lock the endpoint before the delivery, as disabling and deleting do, to avoid deadlocks.
        endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=delivery.endpoint_id).first()
        if endpoint is None:
            return False
        settled = claim.rows.filter(state=DeliveryState.PENDING).update(
            status_code=answer.status_code,
            duration_ms=answer.duration_ms,
            problem="" if delivered else problem,
            attempts=[*delivery.attempts, attempt][-MAX_LOGGED_ATTEMPTS:],
            **RELEASED,
            **changes,
        )
        if not settled:
            return False
        _record_health(endpoint, delivery, answer, exhausted=exhausted)
    return True


def _record_health(endpoint: WebhookEndpoint, delivery: WebhookDelivery, answer: Answer, *, exhausted: bool) -> None:
    """Record since when and how often the endpoint has failed, and disable it if it's time."""
    row = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    if is_success(answer.status_code):
        row.filter(failing_since__isnull=False).update(failing_since=None, failure_count=0)
    elif answer.status_code == GONE:
        disable_endpoint(endpoint=endpoint, reason=DisabledReason.GONE)
    elif delivery.event != Event.TEST:
        failing_since = endpoint.failing_since or timezone.now()
        row.update(failing_since=failing_since, failure_count=F("failure_count") + 1)
        if exhausted and failing_since <= timezone.now() - DISABLE_AFTER:
            disable_endpoint(endpoint=endpoint, reason=DisabledReason.FAILING)
