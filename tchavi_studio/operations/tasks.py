"""The pulses of the clusters: what each of them runs every few seconds."""

import time

from tchavi_studio.accounting import tasks as accounting
from tchavi_studio.generations import tasks as generations
from tchavi_studio.notices import tasks as notices
from tchavi_studio.runtime.parts import run_each
from tchavi_studio.webhooks import tasks as webhooks
from tchavi_studio.workspaces.invitations import delete_old_invitations
from tchavi_studio.workspaces.services import delete_ended_guards, delete_expired_sessions

from .models import Heartbeat

CLEAN_UP_SECONDS = 60.0
_cleaned_up_at = -CLEAN_UP_SECONDS


def beat(cluster: str) -> None:
    """Prove that `cluster` starts and finishes tasks, and that its workers reach the database."""
    Heartbeat.objects.filter(name=cluster).exists()


def sweep() -> None:
    """Find work whose wake-up was lost, and once a minute delete what is over and see to the ledger's verification."""
    run_each(generations_sweep=generations.sweep, webhooks_sweep=webhooks.sweep, notices_sweep=notices.sweep)
    _clean_up_if_due()


def _clean_up_if_due() -> None:
    # Each worker has its own clock: more often does no harm, and one that all share would be written to all day.
    global _cleaned_up_at
    if time.monotonic() - _cleaned_up_at < CLEAN_UP_SECONDS:
        return
    _cleaned_up_at = time.monotonic()
    run_each(
        generations_clean_up=generations.clean_up,
        webhooks_clean_up=webhooks.clean_up,
        notices_clean_up=notices.clean_up,
        accounting_clean_up=accounting.clean_up,
        invitations_clean_up=delete_old_invitations,
        sessions_clean_up=delete_expired_sessions,
        guards_clean_up=delete_ended_guards,
    )
