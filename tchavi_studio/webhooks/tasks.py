"""The tasks that workers run. A task is only a wake-up: running it twice, or never, does no harm."""

import logging
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress

from django.utils import timezone

from tchavi_studio.runtime.clock import bring_back
from tchavi_studio.runtime.pools import Pool, PoolFullError
from tchavi_studio.runtime.slices import Slice

from .delivery import (
    LEASE,
    MAX_JITTER,
    MAX_PARALLEL,
    RETRY_DELAYS,
    Answer,
    ClaimedDelivery,
    claim_next_delivery,
    send,
    settle,
)
from .models import WebhookDelivery
from .queries import due_deliveries
from .services import delete_old_deliveries
from .wakeups import wake_deliveries

logger = logging.getLogger(__name__)

SLICE_SECONDS = 10
LOOK_SECONDS = 0.5
HAND_OVER_SECONDS = 0.2
"""How long a task waits for the one before it, which may just have found nothing more to send."""

SENDERS = Pool(name="webhook-senders", size=1)


def deliver_due() -> None:
    """Send due messages for one time slice, then leave the rest to the next wake-up.

    One task at a time looks for messages, so that slow receivers don't occupy every worker. It looks again and again:
    what comes in meanwhile needn't wait for them either.
    """
    turn = Slice(SLICE_SECONDS)
    under_way: dict[Future[Answer], ClaimedDelivery] = {}
    with ThreadPoolExecutor(MAX_PARALLEL, thread_name_prefix="webhook") as pool, suppress(PoolFullError):
        with SENDERS.place(wait_seconds=HAND_OVER_SECONDS):
            while not turn.is_over:
                while len(under_way) < MAX_PARALLEL and (claimed := claim_next_delivery()) is not None:
                    under_way[pool.submit(send, claimed)] = claimed
                if not under_way:
                    return
                _settle_answered(under_way)
        if due_deliveries(timezone.now()).exists():
            wake_deliveries()
        while under_way:
            _settle_answered(under_way)


def _settle_answered(under_way: dict[Future[Answer], ClaimedDelivery]) -> None:
    """Record the answers that have come, or come in a moment."""
    for future in wait(under_way, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED).done:
        settle(under_way.pop(future), _result(future))


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
