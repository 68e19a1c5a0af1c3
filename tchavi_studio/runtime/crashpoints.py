"""Named moments at which a process may die, between the acceptance of a clip and its end.

`crashpoint()` does nothing in production. Tests put a hook there: one kills the process for good, another lets a
simulated one die. docs/reliability.md has the table of what was shown at each.
"""

from collections.abc import Callable
from enum import StrEnum


class CrashPoint(StrEnum):
    """Every such moment, in the order in which a clip passes them. "in" means inside a transaction."""

    IN_ACCEPTING = "in accepting: rows and charge written, not committed"
    ACCEPTED = "accepted: committed, no wake-up queued"
    REFERENCE_UPLOADED = "reference uploaded: its address not written down"
    IN_WRITING_DOWN = "in writing down the submission: not committed"
    WRITTEN_DOWN = "submission written down: not sent"
    ANSWERED = "submission answered: the answer not written down"
    IN_RECORDING = "in recording the answer: not committed"
    RECORDED = "answer recorded"
    LOST = "answer lost: written down as unknown"
    IN_ADOPTING = "in adopting a job whose answer was lost: not committed"
    IN_GIVING_UP = "in giving a lost job up: failed, refund not committed"
    POLL_CLAIMED = "jobs claimed for a look"
    PAGE_ARRIVED = "a page of jobs has arrived: nothing of it written down"
    IN_NOTING_COMPLETED = "in noting that jobs are completed: not committed"
    NOTED_COMPLETED = "completed jobs noted: no download asked for"
    IN_FAILING = "in failing: state changed, refund not committed"
    FAILED = "failed and refunded"
    DOWNLOAD_CLAIMED = "download claimed"
    DOWNLOADED = "downloaded: not verified"
    RENDER_CLAIMED = "render claimed"
    RENDERED = "rendered: not stored"
    STORED = "file stored: the clip does not own it yet"
    IN_COMPLETING = "in completing: not committed"
    COMPLETED = "completed"


hook: Callable[[CrashPoint], None] | None = None


def crashpoint(point: CrashPoint) -> None:
    """Mark that the process has come to `point`."""
    if hook is not None:
        hook(point)
