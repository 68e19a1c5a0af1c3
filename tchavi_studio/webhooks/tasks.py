"""What the workers run. A task is only a nudge to look at the rows: running one twice, or never, does no harm."""

import logging
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from django.utils import timezone

from .delivery import Answer, Claim, claim_next_delivery, send, settle
from .nudges import nudge_deliveries
from .queries import deliveries_being_sent, due_deliveries
from .services import delete_old_deliveries

logger = logging.getLogger(__name__)

SLICE_SECONDS = 10
MAX_PARALLEL = 8
MAX_PARALLEL_PER_ENDPOINT = 2
"""So that one slow receiver leaves room for the others."""


def deliver_due() -> None:
    """Send what is due, for a slice of time; then let the next hint go on."""
    # Slow receivers must not hold every worker of the cluster: there is one task's worth of sending at a time.
    if deliveries_being_sent(timezone.now()).count() >= MAX_PARALLEL:
        return
    slice_ends = time.monotonic() + SLICE_SECONDS
    sending: dict[Future[Answer], Claim] = {}
    with ThreadPoolExecutor(MAX_PARALLEL, thread_name_prefix="webhook") as pool:
        while True:
            while len(sending) < MAX_PARALLEL and time.monotonic() < slice_ends:
                claim = _claim_beside(sending)
                if claim is None:
                    break
                sending[pool.submit(send, claim)] = claim
            if not sending:
                break
            for future in wait(sending, return_when=FIRST_COMPLETED).done:
                settle(sending.pop(future), _answer_of(future))
    if due_deliveries(timezone.now()).exists():
        nudge_deliveries()


def _claim_beside(sending: dict[Future[Answer], Claim]) -> Claim | None:
    by_endpoint = Counter(claim.endpoint_id for claim in sending.values())
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
    """Find what fell through: messages without a hint, retries whose time has come, and logs that are old."""
    if due_deliveries(timezone.now()).exists():
        nudge_deliveries()
    delete_old_deliveries()
