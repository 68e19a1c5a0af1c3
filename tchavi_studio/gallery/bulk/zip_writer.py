"""Writing a zip while it is sent: stored without compression, in constant memory, of a length that is known before.

Python's own `zipfile` does it, with a target that can't seek. The length is what it writes in a dry run without the
files' bytes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zipfile import ZIP_STORED, ZipFile, ZipInfo

CHUNK_BYTES = 256 * 1024
EARLIEST = (1980, 1, 1, 0, 0, 0)
FILE_MODE = 0o644 << 16


@dataclass(frozen=True)
class Entry:
    """A file of `length` bytes in a zip; without a name, as many bytes that belong to no file."""

    name: str | None
    length: int


class _Target:
    """What `zipfile` writes to: it keeps the bytes until they are taken, and knows how many there were."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        pass

    def skip(self, length: int) -> None:
        """Count bytes that nobody writes."""
        self._position += length

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


class ZipWriter:
    """A zip as a sequence of bytes: what `add`, `blank` and `end` yield, in that order of calls."""

    def __init__(self) -> None:
        self._target = _Target()
        self._zip = ZipFile(self._target, "w", ZIP_STORED)  # type: ignore[call-overload]  # needs no more than these

    def add(self, entry: Entry, content: Iterable[bytes]) -> Iterator[bytes]:
        """A file. Raises ValueError if the content isn't as long as it was to be."""
        written = 0
        with self._zip.open(_info(entry), "w") as file:
            for chunk in content:
                written += file.write(chunk)
                yield self._target.take()
        yield self._target.take()
        if written != entry.length:
            raise ValueError(f"{entry.name} has {written} bytes instead of {entry.length}.")

    def blank(self, length: int) -> Iterator[bytes]:
        """Bytes that belong to no file."""
        zeros = bytes(min(length, CHUNK_BYTES))
        for start in range(0, length, CHUNK_BYTES):
            self._target.write(zeros[: length - start])
            yield self._target.take()

    def end(self) -> bytes:
        """The directory, which readers look for at the end."""
        self._zip.close()
        return self._target.take()


def zip_length(entries: Iterable[Entry]) -> int:
    """How many bytes a zip of these entries has."""
    target = _Target()
    with ZipFile(target, "w", ZIP_STORED) as archive:  # type: ignore[call-overload]  # likewise
        for entry in entries:
            if entry.name is not None:
                info = _info(entry)
                archive.open(info, "w").close()
                info.file_size = info.compress_size = entry.length
            target.skip(entry.length)
    return target.tell()


def _info(entry: Entry) -> ZipInfo:
    assert entry.name is not None
    info = ZipInfo(entry.name, EARLIEST)
    info.file_size = entry.length
    info.external_attr = FILE_MODE
    return info
