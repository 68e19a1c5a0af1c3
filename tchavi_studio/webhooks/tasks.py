"""What the workers run. A task is only a wake-up: running one twice, or never, does no harm."""

import logging
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from django.utils import timezone

from tchavi_studio.runtime.slices import Slice

from .delivery import Answer, Sending, claim_next_delivery, send, settle
from .queries import deliveries_being_sent, due_deliveries
from .services import delete_old_deliveries
from .wakeups import wake_deliveries

logger = logging.getLogger(__name__)

SLICE_SECONDS = 10
MAX_PARALLEL = 8
MAX_PARALLEL_PER_ENDPOINT = 2
"""So that one slow receiver leaves room for the others."""


def deliver_due() -> None:
    """Send what is due, for a slice of time; then let the next wake-up go on."""
    # Slow receivers must not hold every worker of the cluster: there is one task's worth of sending at a time.
    if deliveries_being_sent(timezone.now()).count() >= MAX_PARALLEL:
        return
    turn = Slice(SLICE_SECONDS)
    under_way: dict[Future[Answer], Sending] = {}
    with ThreadPoolExecutor(MAX_PARALLEL, thread_name_prefix="webhook") as pool:
        while True:
            while len(under_way) < MAX_PARALLEL and not turn.is_over:
                sending = _claim_beside(under_way)
                if sending is None:
                    break
                under_way[pool.submit(send, sending)] = sending
            if not under_way:
                break
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                settle(under_way.pop(future), _answer_of(future))
    if due_deliveries(timezone.now()).exists():
        wake_deliveries()


def _claim_beside(under_way: dict[Future[Answer], Sending]) -> Sending | None:
    by_endpoint = Counter(sending.delivery.endpoint_id for sending in under_way.values())
    full = [endpoint_id for endpoint_id, count in by_endpoint.items() if count >= MAX_PARALLEL_PER_ENDPOINT]
    return claim_next_delivery(excluding=full)


def _answer_of(future: Future[Answer]) -> Answer:
    """What was answered. A message that breaks its sender counts as unanswered, so that it can't hold up the others."""
    try:
        return future.result()
    except Exception:
        logger.exception("A webhook message could not be sent.")
        return Answer()


def sweep() -> None:
    """Find what fell through: messages without a wake-up, retries whose time has come, and logs that are old."""
    if due_deliveries(timezone.now()).exists():
        wake_deliveries()
    delete_old_deliveries()
