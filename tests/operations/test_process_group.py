"""Process groups end with their parent, even where the kernel doesn't ensure it."""

import os
import subprocess
import sys

from tests.running_studio import wait_for

LEADER = """
import os, sys, time
from tchavi_studio.operations.process_group import kill_group_with_parent
os.setpgid(0, 0)
kill_group_with_parent(int(sys.argv[1]))
if os.fork() == 0:
    time.sleep(60)
print("ready", flush=True)
time.sleep(60)
"""


def group_is_alive(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_group_ends_when_lifeline_closes() -> None:
    lifeline, held = os.pipe()
    command = [sys.executable, "-c", LEADER, str(lifeline)]
    with subprocess.Popen(command, pass_fds=[lifeline], stdout=subprocess.PIPE) as leader:
        assert leader.stdout is not None
        assert leader.stdout.readline() == b"ready\n"
        assert group_is_alive(leader.pid)
        os.close(held)
        leader.wait(timeout=10)
        wait_for(lambda: not group_is_alive(leader.pid), seconds=10, what="the whole group to end")
    os.close(lifeline)
