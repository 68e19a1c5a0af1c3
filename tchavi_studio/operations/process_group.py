"""A forked process in a process group of its own, which never outlives the process that started it.

On Linux the kernel sees to that, for every descendant that is forked. Elsewhere a pipe does, for the group as a whole:
only the parent holds its other end, so it reads as ended when the parent has gone in whatever way.
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


def bind_descendants_to_their_parents() -> None:
    """On Linux: whoever is forked by this process, and by those in turn, is killed when its parent has gone."""
    if sys.platform != "linux":
        return
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    forking_pid = 0

    def note_who_forks() -> None:
        nonlocal forking_pid
        forking_pid = os.getpid()

    def die_with_the_parent() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != forking_pid:
            os._exit(1)  # It was already gone.

    os.register_at_fork(before=note_who_forks, after_in_child=die_with_the_parent)


def start_process_group(name: str, work: Callable[[], None], lifeline: tuple[int, int]) -> int:
    """Fork a process that does `work` and ends, as the leader of a new process group; returns its process id.

    `lifeline` is a pipe that the parent keeps open and never writes to.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        # Both sides do it, so that neither can come too early.
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
            end_group_with(lifeline[0])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        work()
        exit_code = 0
    except SystemExit as ended:
        exit_code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        logger.exception("%s failed.", name)
    finally:
        # Not the way the parent would leave: its handlers and its open files are not this process's business.
        logging.shutdown()
        os._exit(exit_code)


def end_group_with(lifeline: int) -> None:
    """Kill this process's whole group as soon as nobody holds the other end of the pipe any more."""

    def wait_for_the_end() -> None:
        os.read(lifeline, 1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait_for_the_end, name="lifeline", daemon=True).start()


def kill_group(pid: int) -> None:
    """SIGKILL everything that is left of the group."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
