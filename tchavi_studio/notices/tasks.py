"""The tasks that workers run. A task is only a wake-up: running it twice, or never, does no harm."""

import logging
import time
from contextlib import suppress

from django.conf import settings
from django.utils import timezone

from tchavi_studio.runtime.clock import bring_back
from tchavi_studio.runtime.pools import Pool, PoolFullError
from tchavi_studio.runtime.slices import Slice

from .mailing import HOUR, LEASE, RETRY_DELAYS, Outcome, due_to_mail, mail_next
from .models import Notice
from .services import delete_old_notices
from .wakeups import wake_mailing

logger = logging.getLogger(__name__)

SLICE_SECONDS = 10
PAUSE_SECONDS = 60.0
"""How long a worker leaves a failing mail server alone: each attempt may take ten seconds."""

MAILERS = Pool(name="notice-mailers", size=1)

_paused_until = 0.0


def mail_due() -> None:
    """Send due mails for one time slice, then leave the rest to the next wake-up. One task at a time does."""
    global _paused_until
    if time.monotonic() < _paused_until:
        return
    turn = Slice(SLICE_SECONDS)
    with suppress(PoolFullError), MAILERS.place(wait_seconds=0):
        while not turn.is_over:
            outcome = mail_next()
            if outcome is None:
                return
            if outcome is Outcome.SERVER_FAILED:
                logger.warning("Couldn't send mail: check EMAIL_URL. The studio tries again later.")
                _paused_until = time.monotonic() + PAUSE_SECONDS
                return
        sweep()


def sweep() -> None:
    """Send mails whose wake-up was lost, and those that had to wait."""
    if settings.SENDS_MAIL and due_to_mail(timezone.now()).exists():
        wake_mailing()


def clean_up() -> None:
    """Delete old notices, and get going again what a clock that was set back has put off."""
    delete_old_notices()
    to_mail = Notice.objects.filter(mail_at__isnull=False)
    bring_back(to_mail, "mail_at", at_most=max(HOUR, *RETRY_DELAYS))
    bring_back(to_mail, "leased_until", at_most=LEASE)
