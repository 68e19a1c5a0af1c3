"""`Prefer: wait=N` (RFC 7240): wait for a job to end before answering, if the server can spare the thread."""

import re
import threading
import time
from uuid import UUID

from tchavi_studio.generations.models import OPEN_STATES, Generation

MAX_WAIT_SECONDS = 60
MAX_WAITERS = 3
"""Per process. A server process has 8 threads: waiting must never use them up."""

FIRST_STEP_SECONDS, LAST_STEP_SECONDS = 0.1, 1.0

WAIT_PATTERN = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?([0-9]{1,9})\"?\s*(?:[,;]|$)", re.ASCII | re.IGNORECASE)

_slots = threading.BoundedSemaphore(MAX_WAITERS)


def requested_wait_seconds(prefer: str) -> int:
    """The wait requested by a `Prefer` header, at most `MAX_WAIT_SECONDS`; 0 if none."""
    match = WAIT_PATTERN.search(prefer)
    return min(int(match.group(1)), MAX_WAIT_SECONDS) if match else 0


def wait_for_end(generation_id: UUID, *, wait_seconds: int) -> bool:
    """Wait until the generation has ended, or for `wait_seconds`. False if no slot was free."""
    if not wait_seconds or not _slots.acquire(blocking=False):
        return False
    try:
        deadline = time.monotonic() + wait_seconds
        step_seconds = FIRST_STEP_SECONDS
        while Generation.objects.filter(pk=generation_id, state__in=OPEN_STATES).exists():
            remaining_seconds = deadline - time.monotonic()
            if remaining_seconds <= 0:
                break
            time.sleep(min(step_seconds, remaining_seconds))
            step_seconds = min(step_seconds * 1.5, LAST_STEP_SECONDS)
    finally:
        _slots.release()
    return True
