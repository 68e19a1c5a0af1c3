"""Tasks that tests queue for a running studio's clusters, to see what happens to them."""

import os
import subprocess
import time
from pathlib import Path


def note_worker(path: str) -> None:
    """Record which process ran this."""
    temporary = Path(f"{path}.{os.getpid()}")
    temporary.write_text(str(os.getpid()))
    temporary.rename(path)


def work_for(path: str, seconds: float) -> None:
    """Note the worker, then stay busy, with a child process that exits when its stdin closes, like a renderer."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        note_worker(path)
        time.sleep(seconds)
        assert child.stdin is not None
        child.stdin.close()
