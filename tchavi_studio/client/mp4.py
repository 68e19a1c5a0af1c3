"""A cheap check that a file is a complete MP4, without decoding it."""

from typing import BinaryIO

_HEADER_BYTES = 8
_LARGE_HEADER_BYTES = 16
_MAX_BOXES = 10_000
"""A clip has a handful of top-level boxes (fragmented ones a few hundred): more isn't a clip."""


def mp4_problem(file: BinaryIO, *, byte_count: int) -> str:
    """Say in a few words why `file` isn't a complete MP4; "" if it is.

    Walks the top-level boxes (ISO/IEC 14496-12): the first must be `ftyp`, one must be `moov`, and none may reach past
    the end, which reveals a truncated download even if the server sent no length.
    """
    if byte_count == 0:
        return "it is empty"
    position = 0
    names: set[bytes] = set()
    for _ in range(_MAX_BOXES):
        if position >= byte_count:
            return "" if b"moov" in names else "it has no index (moov)"
        file.seek(position)
        header = file.read(_LARGE_HEADER_BYTES)
        size = int.from_bytes(header[:4])
        name = header[4:8]
        if not names and name != b"ftyp":
            return "it is not an MP4 file"
        names.add(name)
        min_size = _HEADER_BYTES
        if size == 1:
            size, min_size = int.from_bytes(header[8:16]), _LARGE_HEADER_BYTES
        elif size == 0:  # by the standard: the last box, up to the end
            size = byte_count - position
        if size < min_size or position + size > byte_count:
            return "it is cut short or damaged"
        position += size
    return "it has too many parts"
