"""What the supervisor does about a process that is there, but does nothing."""

import signal
import subprocess

import pytest

from tchavi_studio.operations.supervisor import MAX_SILENT_SECONDS, Child


def test_a_process_that_hangs_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    silent_seconds = 0.0

    def forget() -> None:
        nonlocal silent_seconds
        silent_seconds = 0.0

    child = Child("Web server 1", work=lambda: None, on_end=forget, silence=lambda: silent_seconds)
    child.kill_if_silent()
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        child.pid = process.pid
        silent_seconds = MAX_SILENT_SECONDS
        child.kill_if_silent()
        assert process.poll() is None
        silent_seconds = MAX_SILENT_SECONDS + 0.1
        child.kill_if_silent()
        child.kill_if_silent()
        assert process.wait(10) == -signal.SIGKILL
    assert caplog.messages == ["Web server 1 hangs; killing it."]
