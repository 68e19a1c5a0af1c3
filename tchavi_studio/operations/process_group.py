"""Forked processes, each in its own process group, that never outlive the process that started them.

On Linux the kernel ensures this for every forked descendant. Elsewhere a pipe does, for the group as a whole: only the
parent holds its other end, so reading from it ends when the parent is gone, however it ended.
"""

import ctypes
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

logger = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
HANDLED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


def kill_descendants_with_their_parents() -> None:
    """On Linux, have the kernel kill every process forked from here, and their children, once its parent is gone."""
    if sys.platform != "linux":
        return
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    forking_pid = 0

    def note_forking_pid() -> None:
        nonlocal forking_pid
        forking_pid = os.getpid()

    def die_with_parent() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != forking_pid:
            os._exit(1)  # The parent is already gone.

    os.register_at_fork(before=note_forking_pid, after_in_child=die_with_parent)


def start_process_group(name: str, work: Callable[[], None], lifeline: tuple[int, int]) -> int:
    """Fork a process that does `work` and exits, as the leader of a new process group. Returns its process id.

    `lifeline` is a pipe that the parent keeps open and never writes to.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        # The child does this too, so that it is done whichever runs first.
        with suppress(OSError):
            os.setpgid(pid, pid)
        return pid
    exit_code = 1
    try:
        os.setpgid(0, 0)
        for number in HANDLED_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        os.close(lifeline[1])
        if sys.platform != "linux":
            kill_group_with_parent(lifeline[0])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        work()
        exit_code = 0
    except SystemExit as exit_request:
        exit_code = exit_request.code if isinstance(exit_request.code, int) else 1
    except BaseException:
        logger.exception("%s failed.", name)
    finally:
        # Skip the interpreter's exit: the exit handlers and open files are the parent's.
        logging.shutdown()
        os._exit(exit_code)


def kill_group_with_parent(lifeline: int) -> None:
    """Kill this process's whole group as soon as the other end of the pipe is closed."""

    def wait_for_parent_to_end() -> None:
        os.read(lifeline, 1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait_for_parent_to_end, name="lifeline", daemon=True).start()


def kill_group(pid: int) -> None:
    """SIGKILL what is left of the group."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
