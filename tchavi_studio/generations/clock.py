"""Getting clips going again that wait for moments too far ahead, because the clock was set back."""

from datetime import timedelta

from tchavi_studio.runtime.clock import bring_back
from tchavi_studio.runtime.leases import default_lease

from .bulk.jobs import jobs_to_do
from .bulk.zip_slots import ZIP_LEASE
from .models import (
    IS_OPEN,
    OPEN_STATES,
    AccountPause,
    Engine,
    Generation,
    PumpSlot,
    RemoteJob,
    UpstreamAccount,
    ZipSlot,
)
from .upstream.account import MAX_RETRY_AFTER_SECONDS, PAUSE_RETRY_SECONDS
from .upstream.following import LATE_LOOK_INTERVAL

LONGEST_WAIT = timedelta(seconds=MAX_RETRY_AFTER_SECONDS)
"""How long a clip or the whole account is put off at most."""


def bring_back_moments() -> int:
    """Shorten every lease and every wait that is longer than it can be. Returns how many there were."""
    # Named as the index of open clips has them.
    open_clips = Generation.objects.filter(IS_OPEN, engine__in=Engine.values, state__in=OPEN_STATES)
    jobs, accounts = RemoteJob.objects.filter(poll_at__isnull=False), UpstreamAccount.objects.all()
    return sum(
        (
            bring_back(open_clips.filter(leased_by__isnull=False), "leased_until", at_most=default_lease()),
            bring_back(open_clips, "leased_until", at_most=LONGEST_WAIT),
            bring_back(jobs_to_do().order_by(), "leased_until", at_most=default_lease()),
            bring_back(ZipSlot.objects.all(), "leased_until", at_most=ZIP_LEASE),
            bring_back(PumpSlot.objects.all(), "leased_until", at_most=default_lease()),
            bring_back(RemoteJob.objects.filter(leased_by__isnull=False), "leased_until", at_most=default_lease()),
            bring_back(jobs, "poll_at", at_most=LATE_LOOK_INTERVAL),
            bring_back(accounts, "blocked_until", at_most=LONGEST_WAIT),
            bring_back(accounts, "counted_at", at_most=LONGEST_WAIT),
            bring_back(AccountPause.objects.all(), "try_again_at", at_most=timedelta(seconds=PAUSE_RETRY_SECONDS)),
        )
    )
