"""The tasks that workers run. A task is only a wake-up: running it twice, or never, does no harm."""

from contextlib import suppress

from django.utils import timezone

from tchavi_studio.runtime.clock import bring_back
from tchavi_studio.runtime.leases import ClaimLostError, claim_first, default_lease, free
from tchavi_studio.runtime.slices import Slice

from .integrity import runs

SLICE_SECONDS = 5


def verify() -> None:
    """Go on with the verification that is under way for a slice of time, then leave the rest to the next wake-up."""
    claim = claim_first(runs.runs_under_way())
    if claim is None:
        return
    turn = Slice(SLICE_SECONDS)
    with suppress(ClaimLostError):
        if not runs.go_on(claim, is_over=lambda: turn.is_over):
            claim.release()
            runs.wake_verification()


def clean_up() -> None:
    """Start the night's verification when it is due, and get one going again that has lost its worker."""
    runs.start_nightly_run_if_due()
    under_way = runs.runs_under_way()
    bring_back(under_way, "leased_until", at_most=default_lease())
    if under_way.filter(free(timezone.now())).exists():
        runs.wake_verification()
