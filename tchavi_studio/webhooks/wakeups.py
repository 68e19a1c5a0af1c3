"""The wake-up for workers that send messages."""

from tchavi_studio.runtime.wakeups import queue_wake_up

CLUSTER = "pump"
TASK = "tchavi_studio.webhooks.tasks.deliver_due"
MAX_UNREAD = 10


def wake_deliveries() -> None:
    """Wake a worker to send messages. Several can send in parallel, so a few wake-ups may be unread."""
    queue_wake_up(TASK, cluster=CLUSTER, max_unread=MAX_UNREAD)
