"""Named moments at which a process may die, from accepting a clip to finishing it.

`crashpoint()` does nothing in production. Tests install a hook: one kills the real process, another a simulated one.
docs/reliability.md has a table of the results.
"""

from collections.abc import Callable
from enum import StrEnum


class CrashPoint(StrEnum):
    """All crash points, in the order in which a clip passes them. "while" means inside a transaction."""

    IN_ACCEPTING = "while accepting: rows and charge written, not committed"
    ACCEPTED = "accepted: committed, no wake-up queued"
    REFERENCE_UPLOADED = "reference uploaded: its URL not recorded"
    IN_WRITING_DOWN = "while recording the submission: not committed"
    WRITTEN_DOWN = "submission recorded: not sent"
    ANSWERED = "submission answered: the answer not recorded"
    IN_RECORDING = "while recording the answer: not committed"
    RECORDED = "answer recorded"
    LOST = "answer lost: recorded as unknown"
    IN_ADOPTING = "while adopting a job whose answer was lost: not committed"
    IN_GIVING_UP = "while giving up on a lost job: failed, refund not committed"
    POLL_CLAIMED = "jobs claimed for polling"
    PAGE_ARRIVED = "page of jobs received: nothing recorded"
    IN_NOTING_COMPLETED = "while recording completed jobs: not committed"
    NOTED_COMPLETED = "completed jobs recorded: no download queued"
    IN_FAILING = "while failing: state changed, refund not committed"
    FAILED = "failed and refunded"
    DOWNLOAD_CLAIMED = "download claimed"
    DOWNLOADED = "downloaded: not verified"
    RENDER_CLAIMED = "render claimed"
    RENDERED = "rendered: not stored"
    STORED = "file stored: not yet attached to the clip"
    IN_COMPLETING = "while completing: not committed"
    COMPLETED = "completed"


hook: Callable[[CrashPoint], None] | None = None


def crashpoint(point: CrashPoint) -> None:
    """Mark that the process has reached `point`."""
    if hook is not None:
        hook(point)
