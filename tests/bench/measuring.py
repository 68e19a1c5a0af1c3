"""Fair measurements: what is compared is measured in turns, so that the machine's moods hit both sides."""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

SAMPLES = 31
WARM_UPS = 3

Work = Callable[[], object]


def medians(*works: Work, samples: int = SAMPLES, clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """The median seconds of each of `works`, which take turns."""
    for work in works:
        for _ in range(WARM_UPS):
            work()
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(samples):
        for work, taken in zip(works, seconds, strict=True):
            began = clock()
            work()
            taken.append(clock() - began)
    return [statistics.median(taken) for taken in seconds]


def fsync_seconds(folder: Path) -> float:
    """What it takes to make 4 kB safe on the disk of `folder`."""
    path = folder / "fsync"
    with path.open("wb", buffering=0) as file:

        def write() -> None:
            file.write(bytes(4096))
            os.fsync(file.fileno())

        (seconds,) = medians(write)
    path.unlink()
    return seconds


def bare_insert_seconds(folder: Path) -> float:
    """What it takes SQLite to insert and commit one row of one number, with the studio's settings."""
    import sqlite3

    path = folder / "insert.sqlite3"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("CREATE TABLE one (number INTEGER)")
    (seconds,) = medians(lambda: connection.execute("INSERT INTO one VALUES (1)"))
    connection.close()
    path.unlink()
    return seconds
