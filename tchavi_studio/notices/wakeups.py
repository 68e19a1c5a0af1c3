"""The wake-up for workers that send mails."""

from tchavi_studio.runtime.wakeups import queue_wake_up

CLUSTER = "pump"
TASK = "tchavi_studio.notices.tasks.mail_due"


def wake_mailing() -> None:
    """Wake a worker to send mails."""
    queue_wake_up(TASK, cluster=CLUSTER)
