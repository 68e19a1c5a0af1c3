"""What the watchdog has the clusters do every few seconds."""

from tchavi_studio.generations import tasks as generations
from tchavi_studio.webhooks import tasks as webhooks

from .services import record_heartbeat

SWEEP_HEARTBEAT = "sweep"


def beat(cluster: str) -> None:
    """Prove that `cluster` takes tasks and finishes them."""
    record_heartbeat(cluster)


def sweep() -> None:
    """Find the work that fell through, and write down when that was last done."""
    generations.sweep()
    webhooks.sweep()
    record_heartbeat(SWEEP_HEARTBEAT)
