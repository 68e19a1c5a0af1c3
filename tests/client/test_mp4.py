"""Telling a complete MP4 from a truncated one."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tchavi_studio.client.mp4 import mp4_problem


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


FTYP = box(b"ftyp", b"isom\x00\x00\x02\x00isomiso2")
MOOV = box(b"moov", b"\x00" * 20)
CLIP = FTYP + MOOV + box(b"mdat", b"\x01" * 100)


def problem(content: bytes) -> str:
    return mp4_problem(io.BytesIO(content), byte_count=len(content))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (CLIP, ""),
        (FTYP + box(b"free", b"") + box(b"mdat", b"\x01" * 9) + MOOV, ""),
        (FTYP + MOOV + struct.pack(">I4s", 0, b"mdat") + b"\x01" * 50, ""),
        (FTYP + MOOV + struct.pack(">I4sQ", 1, b"mdat", 26) + b"\x01" * 10, ""),
        (b"", "it is empty"),
        (b"<html>not a clip</html>", "it is not an MP4 file"),
        (MOOV + FTYP, "it is not an MP4 file"),
        (FTYP + box(b"mdat", b"\x01" * 9), "it has no index (moov)"),
        (FTYP + MOOV + struct.pack(">I4s", 4, b"mdat"), "it is cut short or damaged"),
        (FTYP + MOOV + struct.pack(">I4sQ", 1, b"mdat", 8) + b"\x01" * 10, "it is cut short or damaged"),
        (CLIP + b"\x01", "it is cut short or damaged"),
        (FTYP + MOOV + box(b"free", b"") * 10_000, "it has too many parts"),
    ],
)
def test_a_whole_mp4_has_no_problem(content: bytes, expected: str) -> None:
    assert problem(content) == expected


@given(st.integers(0, len(CLIP) - 1))
def test_a_clip_truncated_in_its_last_box_is_detected(length: int) -> None:
    if length == len(FTYP + MOOV):
        return  # whole boxes only: without the length from the server nobody could tell
    assert problem(CLIP[:length]) != ""


@given(st.binary(max_size=200))
def test_any_bytes_are_handled(content: bytes) -> None:
    assert isinstance(problem(FTYP + content), str)
