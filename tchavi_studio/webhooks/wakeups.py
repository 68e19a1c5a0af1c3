"""Who is woken up to send messages."""

from tchavi_studio.runtime.wakeups import queue_wake_up

CLUSTER = "pump"
TASK = "tchavi_studio.webhooks.tasks.deliver_due"
MAX_UNREAD = 10


def wake_deliveries() -> None:
    """Tell a worker that something is to be sent. Several may send at once, so some wake-ups may lie there unread."""
    queue_wake_up(TASK, cluster=CLUSTER, max_unread=MAX_UNREAD)
