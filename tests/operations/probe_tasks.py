"""Tasks that tests give to a running studio's clusters, to learn what becomes of them."""

import os
import subprocess
import time
from pathlib import Path


def note_worker(path: str) -> None:
    """Write down which process ran this."""
    temporary = Path(f"{path}.{os.getpid()}")
    temporary.write_text(str(os.getpid()))
    temporary.rename(path)


def work_for(path: str, seconds: float) -> None:
    """Note the worker, then be busy, with a child process that ends with its input as a renderer does."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        note_worker(path)
        time.sleep(seconds)
        assert child.stdin is not None
        child.stdin.close()
