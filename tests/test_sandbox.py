"""What a sandboxed process can't do, and what its parent learns when it hits a limit."""

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tchavi_studio import sandbox
from tchavi_studio.sandbox import Profile, SandboxedProcess, SandboxError, SandboxTimeoutError, ran_short

ROOT = Path(__file__).parents[1]

PROFILE = Profile(
    max_memory_bytes=1_000_000_000,
    max_cpu_seconds=20,
    max_file_bytes=1_000_000,
    max_open_files=32,
    max_wall_seconds=20,
    environment={"GIVEN": "too"},
)


def sandboxed(script: str, directory: Path, *, profile: Profile = PROFILE, **options: Any) -> SandboxedProcess:
    return SandboxedProcess(
        "tests.sandboxed_script",
        {"script": textwrap.dedent(script)},
        profile=profile,
        directory=directory,
        **options,
    )


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while is_alive(pid):
        assert time.monotonic() < deadline, "the process is still alive"
        time.sleep(0.02)


# --- Messages ---------------------------------------------------------------------------------------------------------


def test_messages_arrive_one_by_one_and_prints_go_to_stderr(tmp_path: Path) -> None:
    script = "answer({'n': 1}); print('chatter', flush=True); answer({'é': ['ü', None, 0.5]})"
    with sandboxed(script, tmp_path) as process:
        messages = (message for message in process.messages() if message is not None)
        assert [next(messages), next(messages)] == [{"n": 1}, {"é": ["ü", None, 0.5]}]
        with pytest.raises(SandboxError, match="ended with status 0"):
            next(messages)
        assert process.stderr == "chatter"


def test_long_task_arrives(tmp_path: Path) -> None:
    task = {"script": "answer({'length': len(task['text'])})", "text": "é" * 1_000_000}
    with SandboxedProcess("tests.sandboxed_script", task, profile=PROFILE, directory=tmp_path) as process:
        assert process.answer() == {"length": 1_000_000}


def test_process_gets_ready_before_its_task_is_known(tmp_path: Path) -> None:
    with SandboxedProcess("tests.sandboxed_script", None, profile=PROFILE, directory=tmp_path) as process:
        assert process.is_alive
        process.give({"script": "answer({'task': sorted(task)})"})
        assert process.answer() == {"task": ["script"]}


def test_process_that_waits_for_its_task_dies_with_its_parent(tmp_path: Path) -> None:
    order = json.dumps({"profile": asdict(PROFILE), "unfinished": None}) + "\n"
    command = [sys.executable, "-m", "tchavi_studio.sandbox", "tests.sandboxed_script"]
    done = subprocess.run(command, cwd=ROOT, input=order, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (sandbox.STATUS_PARENT_GONE, "", "")


def test_silence_is_reported(tmp_path: Path) -> None:
    with sandboxed("import time; time.sleep(60)", tmp_path) as process:
        began = time.monotonic()
        messages = process.messages(interval_seconds=0.1)
        assert [next(messages), next(messages), next(messages)] == [None, None, None]
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("answer({'a': 'x' * 70_000})", "is too long"),
        ("answer([])", "isn't an object"),
        ("import os; os.write(3, b'not JSON' + bytes([10]))", "can't be read"),
    ],
    ids=["too long", "not an object", "not JSON"],
)
def test_an_invalid_message_is_an_error(tmp_path: Path, script: str, complaint: str) -> None:
    with sandboxed(script, tmp_path) as process, pytest.raises(SandboxError, match=complaint):
        process.answer()


def test_stderr_is_kept_up_to_a_limit(tmp_path: Path) -> None:
    script = "import sys; sys.stderr.write('x' * 5_000_000 + 'the end'); sys.stderr.flush(); answer({})"
    with sandboxed(script, tmp_path) as process:
        assert process.answer() == {}
        assert (len(process.stderr), process.stderr[-7:]) == (16 * 1024, "the end")


# --- Limits -----------------------------------------------------------------------------------------------------------


def test_environment_secrets_are_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_PROVIDER_API_KEY", "sk-tch_secret")
    monkeypatch.setenv("SECRET_KEY", "secret")
    monkeypatch.setenv("TMPDIR", "/tmp")
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    with sandboxed("import os; answer(dict(os.environ))", tmp_path) as process:
        seen = process.answer()
    assert seen.pop("LC_CTYPE", "C.UTF-8") == "C.UTF-8"
    assert seen == {
        "PATH": os.environ["PATH"],
        "TMPDIR": "/tmp",
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "GIVEN": "too",
    }


def test_it_runs_in_its_directory_at_low_priority(tmp_path: Path) -> None:
    with sandboxed("import os; answer({'cwd': os.getcwd(), 'niceness': os.nice(0)})", tmp_path) as process:
        assert process.answer() == {"cwd": str(tmp_path), "niceness": min(19, os.nice(0) + 5)}


@pytest.mark.parametrize(
    "script",
    [
        "import os; os.abort()",
        "raise SystemExit(3)",
        "bytearray(1_500_000_000)",
        "open('large', 'wb').truncate(2_000_000)",
        "files = [open('/dev/null') for _ in range(40)]",
    ],
    ids=["crash", "exit", "memory", "disk", "files"],
)
def test_a_process_that_dies_is_an_error(tmp_path: Path, script: str) -> None:
    with (
        sandboxed(script + "; answer({})", tmp_path) as process,
        pytest.raises(SandboxError, match="ended with status"),
    ):
        process.answer()
    assert "core" not in {path.name for path in tmp_path.iterdir()}


def test_cpu_time_is_limited(tmp_path: Path) -> None:
    with (
        sandboxed("while True: pass", tmp_path, profile=replace(PROFILE, max_cpu_seconds=1)) as process,
        pytest.raises(SandboxError, match=f"ended with status -({signal.SIGKILL:d}|{signal.SIGXCPU:d})"),
    ):
        process.answer()


@pytest.mark.parametrize("script", ["import time; time.sleep(30)", "while True: pass"], ids=["waits", "computes"])
def test_wall_time_is_limited_and_leaves_no_zombie(tmp_path: Path, script: str) -> None:
    with sandboxed(
        f"import os\nanswer({{'pid': os.getpid()}})\n{script}", tmp_path, profile=replace(PROFILE, max_wall_seconds=1)
    ) as process:
        pid = process.answer()["pid"]
        with pytest.raises(SandboxTimeoutError, match="took longer than 1 s"):
            process.answer()
    assert not is_alive(pid)


def test_signals_to_the_process_group_do_not_end_it(tmp_path: Path) -> None:
    script = """
        import os, signal
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            os.kill(os.getpid(), getattr(signal, name))
        answer({"alive": True})
    """
    with sandboxed(script, tmp_path) as process:
        assert process.answer() == {"alive": True}


def test_it_dies_with_its_parent_and_removes_the_unfinished_file(tmp_path: Path) -> None:
    script = f"""
        import sys
        sys.path.insert(0, {str(ROOT)!r})
        from pathlib import Path
        from tests.test_sandbox import sandboxed

        here = Path({str(tmp_path)!r})
        child = "import os, time; open('part', 'w'); answer({{'pid': os.getpid()}}); time.sleep(60)"
        with sandboxed(child, here, unfinished=here / "part") as process:
            for message in process.messages():
                if message:
                    print(message["pid"], flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert (tmp_path / "part").exists()
        parent.kill()
    wait_until_gone(pid)
    assert list(tmp_path.iterdir()) == []


# --- The machine's own limits -----------------------------------------------------------------------------------------


@pytest.fixture
def limits_of_this_process(monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[int, int]]:
    """The limits that would be set; the test process itself must not be limited."""
    was_set: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr(resource, "setrlimit", was_set.__setitem__)
    monkeypatch.setattr(sandbox, "_tight_limits", [])
    return was_set


def test_profile_is_applied(
    limits_of_this_process: dict[int, tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    sandbox.limit_this_process(PROFILE)
    assert limits_of_this_process == {
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_AS: (2_000_000_000, 2_000_000_000),
        resource.RLIMIT_DATA: (1_000_000_000, 1_000_000_000),
        resource.RLIMIT_CPU: (20, 20),
        resource.RLIMIT_FSIZE: (1_000_000, 1_000_000),
        resource.RLIMIT_NOFILE: (32, 32),
    }
    assert not ran_short(ValueError())


def test_a_lower_system_limit_stays_in_force(
    limits_of_this_process: dict[int, tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    hard = {resource.RLIMIT_CPU: 10, resource.RLIMIT_NOFILE: 1024}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (5, hard.get(kind, resource.RLIM_INFINITY)))
    sandbox.limit_this_process(PROFILE)
    assert limits_of_this_process[resource.RLIMIT_CPU] == (10, 10)
    assert limits_of_this_process[resource.RLIMIT_NOFILE] == (32, 32)
    assert sandbox._tight_limits == ["CPU time 10 of 20"]
    assert ran_short(ValueError("whatever a library makes of it"))


def test_a_limit_that_the_system_refuses_is_skipped(
    limits_of_this_process: dict[int, tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def setrlimit(kind: int, limit: tuple[int, int]) -> None:
        if kind == resource.RLIMIT_AS:
            raise ValueError("current limit exceeds maximum limit")
        if kind == resource.RLIMIT_CPU:
            raise OSError("not permitted")
        limits_of_this_process[kind] = limit

    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    sandbox.limit_this_process(PROFILE)
    assert set(limits_of_this_process) == {
        resource.RLIMIT_CORE,
        resource.RLIMIT_DATA,
        resource.RLIMIT_FSIZE,
        resource.RLIMIT_NOFILE,
    }


def test_a_lower_system_limit_is_logged(tmp_path: Path) -> None:
    script = f"""
        import resource, sys
        sys.path.insert(0, {str(ROOT)!r})
        from pathlib import Path
        from tchavi_studio.sandbox import SandboxError
        from tests.test_sandbox import sandboxed

        resource.setrlimit(resource.RLIMIT_AS, (500_000_000, 500_000_000))
        with sandboxed("answer({{'first': len(bytearray(1_000_000))}}); bytearray(700_000_000)", Path.cwd()) as process:
            print(process.answer())
            try:
                process.answer()
            except SandboxError as error:
                print(error)
            print(process.stderr.splitlines()[-2:])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "{'first': 1000000}",
        "tests.sandboxed_script ended with status 1.",
        "['MemoryError', 'This machine allows only address space 500000000 of 2000000000.']",
    ]


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (MemoryError(), True),
        (OSError(28, "No space left on device"), True),
        (OSError(27, "File too large"), True),
        (OSError(24, "Too many open files"), True),
        (OSError(2, "No such file"), False),
        (OSError("broken data stream when reading image file"), False),
        (ValueError(), False),
    ],
)
def test_running_short_is_distinguished_from_broken_data(error: Exception, short: bool) -> None:
    assert ran_short(error) is short
    wrapped = RuntimeError()
    wrapped.__cause__ = error
    assert ran_short(wrapped) is short
