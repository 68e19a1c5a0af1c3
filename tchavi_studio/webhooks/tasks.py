"""The tasks that workers run. A task is only a wake-up: running it twice, or never, does no harm."""

import logging
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from django.utils import timezone

from tchavi_studio.long_lists import count_up_to
from tchavi_studio.runtime.clock import bring_back
from tchavi_studio.runtime.slices import Slice

from .delivery import LEASE, MAX_JITTER, RETRY_DELAYS, Answer, ClaimedDelivery, claim_next_delivery, send, settle
from .models import WebhookDelivery
from .queries import deliveries_being_sent, due_deliveries
from .services import delete_old_deliveries
from .wakeups import wake_deliveries

logger = logging.getLogger(__name__)

SLICE_SECONDS = 10
MAX_PARALLEL = 8
MAX_PARALLEL_PER_ENDPOINT = 2
"""Leaves room for other endpoints if one receiver is slow."""


def deliver_due() -> None:
    """Send due messages for one time slice, then leave the rest to the next wake-up."""
    # Slow receivers must not occupy every worker: only one task's worth of messages is sent at a time.
    if count_up_to(deliveries_being_sent(timezone.now()), MAX_PARALLEL) == MAX_PARALLEL:
        return
    turn = Slice(SLICE_SECONDS)
    under_way: dict[Future[Answer], ClaimedDelivery] = {}
    with ThreadPoolExecutor(MAX_PARALLEL, thread_name_prefix="webhook") as pool:
        while True:
            while len(under_way) < MAX_PARALLEL and not turn.is_over:
                claimed = _claim_next(under_way)
                if claimed is None:
                    break
                under_way[pool.submit(send, claimed)] = claimed
            if not under_way:
                break
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                settle(under_way.pop(future), _result(future))
    if due_deliveries(timezone.now()).exists():
        wake_deliveries()


def _claim_next(under_way: dict[Future[Answer], ClaimedDelivery]) -> ClaimedDelivery | None:
    by_endpoint = Counter(claimed.delivery.endpoint_id for claimed in under_way.values())
    full = [endpoint_id for endpoint_id, count in by_endpoint.items() if count >= MAX_PARALLEL_PER_ENDPOINT]
    return claim_next_delivery(excluding=full)


def _result(future: Future[Answer]) -> Answer:
    """The outcome. An exception counts as no answer, so that one bad message can't hold up the others."""
    try:
        return future.result()
    except Exception:
        logger.exception("Couldn't send a webhook message.")
        return Answer()


def sweep() -> None:
    """Send messages whose wake-up was lost, and retries that are due."""
    if due_deliveries(timezone.now()).exists():
        wake_deliveries()


def clean_up() -> None:
    """Delete old deliveries, and get going again what a clock that was set back has put off."""
    delete_old_deliveries()
    pending = WebhookDelivery.objects.filter(next_attempt_at__isnull=False)
    bring_back(pending, "next_attempt_at", at_most=max(RETRY_DELAYS) * (1 + MAX_JITTER))
    bring_back(WebhookDelivery.objects.filter(leased_until__isnull=False), "leased_until", at_most=LEASE)
