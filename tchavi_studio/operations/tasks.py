"""The pulses of the clusters: what each of them runs every few seconds."""

import logging
import time
from collections.abc import Callable

from tchavi_studio.generations import tasks as generations
from tchavi_studio.webhooks import tasks as webhooks
from tchavi_studio.workspaces.services import delete_ended_guards, delete_expired_sessions

from .models import Heartbeat

CLEAN_UP_SECONDS = 60.0
_cleaned_up_at = -CLEAN_UP_SECONDS

logger = logging.getLogger(__name__)


def beat(cluster: str) -> None:
    """Prove that `cluster` starts and finishes tasks, and that its workers reach the database."""
    Heartbeat.objects.filter(name=cluster).exists()


def sweep() -> None:
    """Find work whose wake-up was lost, and once a minute delete what is over."""
    _run_each({"generations sweep": generations.sweep, "webhooks sweep": webhooks.sweep})
    _clean_up_if_due()


def _clean_up_if_due() -> None:
    # Each worker has its own clock: more often does no harm, and one that all share would be written to all day.
    global _cleaned_up_at
    if time.monotonic() - _cleaned_up_at < CLEAN_UP_SECONDS:
        return
    _cleaned_up_at = time.monotonic()
    _run_each(
        {
            "generations clean-up": generations.clean_up,
            "webhooks clean-up": webhooks.clean_up,
            "sessions clean-up": delete_expired_sessions,
            "guards clean-up": delete_ended_guards,
        }
    )


def _run_each(parts: dict[str, Callable[[], object]]) -> None:
    """Run every part, even if one fails."""
    for name, part in parts.items():
        try:
            part()
        except Exception:
            logger.exception("The %s failed; the next one runs soon.", name)
