"""The studio's settings, with every SQLite statement of every process counted, for the subject `idle`.

Each process counts in a file of its own in the folder COUNTS, mapped into memory: counting writes nothing.
"""

import mmap
import os
import struct
from pathlib import Path
from typing import Any

from django.db.backends.signals import connection_created

from tchavi_studio.settings import *  # noqa: F403

_COUNTER = struct.Struct("q")


def _count_statements(*, connection: Any, **_: object) -> None:
    path = Path(os.environ["COUNTS"], str(os.getpid()))
    if not path.exists():
        path.write_bytes(_COUNTER.pack(0))
    with path.open("r+b") as file:
        counter = mmap.mmap(file.fileno(), _COUNTER.size)

    def count(statement: str) -> None:
        _COUNTER.pack_into(counter, 0, _COUNTER.unpack_from(counter)[0] + 1)

    connection.connection.set_trace_callback(count)


connection_created.connect(_count_statements, weak=False)
