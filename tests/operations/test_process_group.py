"""How a process group ends with its parent where the kernel does not see to that."""

import os
import subprocess
import sys

from tests.running_studio import wait_for

LEADER = """
import os, sys, time
from tchavi_studio.operations.process_group import end_group_with
os.setpgid(0, 0)
end_group_with(int(sys.argv[1]))
if os.fork() == 0:
    time.sleep(60)
print("ready", flush=True)
time.sleep(60)
"""


def group_lives(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_group_ends_when_nobody_holds_the_other_end_of_its_lifeline() -> None:
    lifeline, held = os.pipe()
    command = [sys.executable, "-c", LEADER, str(lifeline)]
    with subprocess.Popen(command, pass_fds=[lifeline], stdout=subprocess.PIPE) as leader:
        assert leader.stdout is not None
        assert leader.stdout.readline() == b"ready\n"
        assert group_lives(leader.pid)
        os.close(held)
        leader.wait(timeout=10)
        wait_for(lambda: not group_lives(leader.pid), seconds=10, what="the whole group has ended")
    os.close(lifeline)
