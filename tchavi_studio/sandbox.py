"""Sandboxed processes: the only way to work on untrusted files.

The child limits its memory, CPU time, file size and open files before it imports our module, so the limits also apply
to the decoding libraries. It gets no secrets from the environment, yields to the web server, ignores signals to the
process group and dies with its parent. A hostile file can only harm the child.

The module defines `work(task, answer)`. Parent and child exchange JSON, one value per line: the parent sends its order
and the task on stdin, which then stays open as a lifeline; each call of `answer` in the child sends one message to the
parent.
"""

import contextlib
import errno
import importlib
import json
import math
import os
import resource
import select
import selectors
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

Answer = Callable[[Mapping[str, Any]], None]

MAX_MESSAGE_BYTES = 64 * 1024
MAX_STDERR_BYTES = 16 * 1024
MAX_PIPE_BYTES = 128 * 1024
"""More than a pipe holds unread."""

MAPPED_BYTES = 1_000_000_000
"""Address space for libraries and files, which takes memory only where it is read."""

NICENESS = 5
STATUS_PARENT_GONE = 3

INHERITED_VARIABLES = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

SHORTAGES = frozenset({errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EFBIG, errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a sandboxed process may use. CPU seconds are the total of all its threads.

    Memory is what it may write to. Of libraries and mapped files, the kernel keeps in memory what it has room for.
    `environment` is added to the few variables that the process inherits.
    """

    max_memory_bytes: int
    max_cpu_seconds: int
    max_file_bytes: int
    max_open_files: int
    max_wall_seconds: float
    environment: Mapping[str, str] = field(default_factory=dict)


class SandboxError(Exception):
    """The process ended without a valid answer: it crashed, hit a limit, or sent something unreadable."""


class SandboxTimeoutError(SandboxError):
    """The process took longer than its profile allows."""


# --- The parent's side ------------------------------------------------------------------------------------------------


class SandboxedProcess:
    """One run of `module`. Use as a context manager: leaving it kills the process, whatever its state.

    The process runs in `directory`. If the parent dies, the process deletes the file `unfinished` and dies too.
    Entering raises `OSError` if the machine can't start a process. Without a `task`, the process imports its module,
    which may take longer than the work, and waits for `give`.
    """

    def __init__(
        self,
        module: str,
        task: Mapping[str, Any] | None,
        *,
        profile: Profile,
        directory: Path,
        unfinished: Path | None = None,
    ) -> None:
        self._module = module
        self._profile = profile
        self._directory = directory
        self._unsent = memoryview(
            _line({"profile": asdict(profile), "unfinished": str(unfinished) if unfinished else None})
        )
        self._task = task
        self._unread = b""
        self._messages: list[dict[str, Any]] = []
        self._stderr = bytearray()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603  # our own module; everything else goes through stdin
            # -P keeps the working directory off the module path.
            [sys.executable, "-P", "-m", "tchavi_studio.sandbox", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._directory,
            env=_environment(self._profile),
            bufsize=0,
        )
        self._pipes = cast(tuple[IO[bytes], ...], (self._process.stdin, self._process.stdout, self._process.stderr))
        self._selector = selectors.DefaultSelector()
        stdin, stdout, stderr = self._pipes
        os.set_blocking(stdin.fileno(), False)
        self._selector.register(stdin, selectors.EVENT_WRITE, self._send)
        # An empty pipe takes the whole order.
        self._send(stdin)
        if self._task is not None:
            self.give(self._task)
        self._outputs = {stdout, stderr}
        self._selector.register(stdout, selectors.EVENT_READ, self._receive)
        self._selector.register(stderr, selectors.EVENT_READ, self._keep_stderr)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._selector.close()
        for pipe in self._pipes:
            pipe.close()

    def give(self, task: Mapping[str, Any]) -> None:
        """Give the process its task; from now on, its wall time counts. Call `messages` or `answer` next."""
        self._deadline = time.monotonic() + self._profile.max_wall_seconds
        self._unsent = memoryview(_line(task))
        self._selector.register(self._pipes[0], selectors.EVENT_WRITE, self._send)

    @property
    def is_alive(self) -> bool:
        """Whether the process is running."""
        return self._process.poll() is None

    def messages(self, *, interval_seconds: float = math.inf) -> Iterator[dict[str, Any] | None]:
        """Each message as it arrives, and None whenever `interval_seconds` pass without one.

        Never returns: stop iterating after the last message you need. Raises `SandboxTimeoutError`, and `SandboxError`
        if the process ends first.
        """
        while self._outputs:
            for key, _ in self._selector.select(max(0.0, min(interval_seconds, self._seconds_left()))):
                key.data(key.fileobj)
            messages, self._messages = self._messages, []
            yield from messages or (None,)
            if self._seconds_left() <= 0:
                raise SandboxTimeoutError(f"{self._module} took longer than {self._profile.max_wall_seconds} s.")
        # Its pipes are closed, so it is about to exit; only its status may take a moment.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, self._seconds_left()))
        raise SandboxError(f"{self._module} ended with status {self._process.returncode}.")

    def answer(self) -> dict[str, Any]:
        """The first message, for a process that sends only one. Raises the same errors as `messages`."""
        return next(message for message in self.messages() if message is not None)

    @property
    def stderr(self) -> str:
        """The end of what the process has written to stderr, for the log."""
        self._drain_stderr()
        return self._stderr.decode("utf-8", "replace").strip()

    def _seconds_left(self) -> float:
        return self._deadline - time.monotonic()

    def _send(self, stdin: IO[bytes]) -> None:
        try:
            self._unsent = self._unsent[os.write(stdin.fileno(), self._unsent) :]
        except BrokenPipeError:
            self._unsent = memoryview(b"")  # the process is gone; its other pipes will show that
        if not self._unsent:
            self._selector.unregister(stdin)

    def _receive(self, stdout: IO[bytes]) -> None:
        chunk = stdout.read(MAX_MESSAGE_BYTES)
        if not chunk:
            self._close_output(stdout)
            return
        *lines, self._unread = (self._unread + chunk).split(b"\n")
        if any(len(line) > MAX_MESSAGE_BYTES for line in (*lines, self._unread)):
            raise SandboxError(f"{self._module} sent a message that is too long.")
        for line in lines:
            try:
                message = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise SandboxError(f"{self._module} sent a message that can't be read.") from error
            if not isinstance(message, dict):
                raise SandboxError(f"{self._module} sent a message that isn't an object.")
            self._messages.append(message)

    def _keep_stderr(self, stderr: IO[bytes]) -> None:
        chunk = stderr.read(MAX_STDERR_BYTES)
        if not chunk:
            self._close_output(stderr)
        self._stderr += chunk
        del self._stderr[:-MAX_STDERR_BYTES]

    def _drain_stderr(self) -> None:
        """Read what is still in the pipe: the answer may have overtaken the last lines before it."""
        stderr = self._pipes[2]
        for _chunk in range(MAX_PIPE_BYTES // MAX_STDERR_BYTES):
            if stderr not in self._outputs or stderr.closed or not select.select([stderr], [], [], 0)[0]:
                return
            self._keep_stderr(stderr)

    def _close_output(self, pipe: IO[bytes]) -> None:
        self._selector.unregister(pipe)
        self._outputs.remove(pipe)


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode("ascii") + b"\n"


def _environment(profile: Profile) -> dict[str, str]:
    """The whole environment of a sandboxed process: no keys, no passwords."""
    return {
        **{name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ},
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
        "LANG": "C.UTF-8",
        # Idle threads of OpenBLAS, which we don't need, would use up the memory limit.
        "OPENBLAS_NUM_THREADS": "1",
        **profile.environment,
    }


# --- The child's side -------------------------------------------------------------------------------------------------

_tight_limits: list[str] = []
"""The limits that the machine sets below this process's profile, as text."""


def main() -> int:
    """Do the work and return the exit status: 0 if it is done, 1 if it raised."""
    _lower_priority_and_ignore_signals()
    # Unbuffered: a buffered reader would wait for more than there is.
    lifeline = FileIO(0, "rb")
    lines = _lines(lifeline)
    order = json.loads(next(lines))
    limit_this_process(Profile(**order["profile"]))
    stdout = _private_stdout()

    def answer(message: Mapping[str, Any]) -> None:
        stdout.write(json.dumps(message).encode("ascii") + b"\n")

    try:
        module = importlib.import_module(sys.argv[1])
        try:
            task = json.loads(next(lines))
        except EOFError:
            return STATUS_PARENT_GONE
        _die_with_parent(lifeline, unfinished=order["unfinished"])
        module.work(task, answer)
    except BaseException:
        traceback.print_exc()
        if _tight_limits:
            print(f"This machine allows only {', '.join(_tight_limits)}.", file=sys.stderr)
        return 1
    return 0


def ran_short(error: BaseException) -> bool:
    """Whether `error` may be due to a lack of memory, disk space or file handles, rather than bad data.

    If the machine's limits are below the profile, this is true of every error: libraries run into shortages in
    unexpected places and report them in unexpected ways.
    """
    if _tight_limits:
        return True
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError) or getattr(cause, "errno", None) in SHORTAGES:
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def limit_this_process(profile: Profile) -> None:
    """Apply the limits of `profile`, or the machine's own where they are lower."""
    for name, kind, wanted in (
        ("core dumps", resource.RLIMIT_CORE, 0),
        ("address space", resource.RLIMIT_AS, profile.max_memory_bytes + MAPPED_BYTES),
        ("memory", resource.RLIMIT_DATA, profile.max_memory_bytes),
        ("CPU time", resource.RLIMIT_CPU, profile.max_cpu_seconds),
        ("file size", resource.RLIMIT_FSIZE, profile.max_file_bytes),
        ("open files", resource.RLIMIT_NOFILE, profile.max_open_files),
    ):
        hard = resource.getrlimit(kind)[1]
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if limit < wanted:
            _tight_limits.append(f"{name} {limit} of {wanted}")
        # macOS has RLIMIT_AS but refuses to lower it; the other limits still apply there.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))


def _lower_priority_and_ignore_signals() -> None:
    os.nice(NICENESS)
    # A service manager signals the whole process group, but only the parent decides when the work stops.
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, signal.SIG_IGN)


def _die_with_parent(lifeline: FileIO, *, unfinished: str | None) -> None:
    """Delete the `unfinished` file and exit when `lifeline` closes: the parent holds its other end.

    The kernel closes the pipes of a killed parent, so this needs no signals and works on every Unix.
    """

    def watch() -> None:
        while lifeline.read(1):
            pass
        if unfinished is not None:
            Path(unfinished).unlink(missing_ok=True)
        os._exit(STATUS_PARENT_GONE)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def _private_stdout() -> FileIO:
    """Keep stdout for messages: anything that a library prints goes to stderr instead."""
    stdout = FileIO(os.dup(1), "wb")
    os.dup2(2, 1)
    return stdout


def _lines(stream: FileIO) -> Iterator[bytes]:
    """The lines of `stream`. Raises `EOFError` at its end."""
    unread = bytearray()
    while True:
        line, end, rest = unread.partition(b"\n")
        if end:
            unread = rest
            yield bytes(line)
        elif chunk := stream.read(65536):
            unread += chunk
        else:
            raise EOFError("The order ended early.")


if __name__ == "__main__":
    # Imported by name: under `-m` this file is `__main__`, and the worker module would import a second copy.
    from tchavi_studio import sandbox

    status = sandbox.main()
    sys.stderr.flush()
    # Skips the interpreter's clean-up, which the lifeline's blocked read could hold up.
    os._exit(status)
