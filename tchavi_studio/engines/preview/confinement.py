"""What the child lays on itself before it touches a stranger's file: limits, low priority, and a tie to its parent."""

import contextlib
import os
import resource
import signal
import threading
from io import FileIO
from pathlib import Path

MEMORY_BYTES = 4 * 1024**3
CPU_SECONDS = 600
FILE_BYTES = 512 * 1024**2
NICENESS = 5

PARENT_GONE = 3
"""Exit status of a child whose parent went away."""


def confine_this_process() -> None:
    """Cap memory, CPU time and file size, allow no core dump, and let the web go first."""
    for kind, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
    ):
        hard = resource.getrlimit(kind)[1]
        capped = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        # macOS knows RLIMIT_AS but refuses to lower it; the other limits still hold there.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (capped, capped))
    os.nice(NICENESS)
    # A service manager signals the whole group. Whether the render stops is the parent's decision alone.
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, signal.SIG_IGN)


def die_with_parent(lifeline: FileIO, *, unfinished: Path) -> None:
    """Leave hard, and without the `unfinished` file, when `lifeline` ends: the parent holds its other end.

    The kernel closes a killed parent's pipes, so this needs no signal and works on every Unix.
    """

    def watch() -> None:
        while lifeline.read(1):
            pass
        unfinished.unlink(missing_ok=True)
        os._exit(PARENT_GONE)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
