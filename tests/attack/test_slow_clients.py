"""Clients that send or read as slowly as they can. Other people must not notice them."""

import sys

import pytest

from tests.attack.attacked import Attack, AttackedStudio, slow_readers, slow_senders

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.processes,
]
CROWD = 500
MAX_SLOWDOWN = 2.0
FORM = b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
SENDERS = (
    b"GET /accounts/login/ HTTP/1.1\r\nX: ",
    b"",
    FORM + b"Content-Length: 100000\r\n\r\n",
    FORM + b"Transfer-Encoding: chunked\r\n\r\n186a0\r\n",
)


def require_no_slowdown(studio: AttackedStudio, attack: Attack) -> None:
    """Measure up to three times: a machine that is busy with something else may disturb one, an attack disturbs all."""
    measured: list[float] = []
    while len(measured) < 3 and (not measured or measured[-1] >= MAX_SLOWDOWN):
        measured.append(studio.slowdown(attack))
    print(f"a page takes {', '.join(f'{each:.2f}' for each in measured)} × as long")
    assert measured[-1] < MAX_SLOWDOWN


def test_slow_senders(studio: AttackedStudio) -> None:
    require_no_slowdown(studio, slow_senders(*SENDERS, count=CROWD))


def test_slow_readers(studio: AttackedStudio) -> None:
    require_no_slowdown(studio, slow_readers(studio.add_clip(50_000_000), count=CROWD))


def test_a_slow_reader_costs_little_memory(studio: AttackedStudio) -> None:
    """What is read slowly stays in the file: it is neither read ahead nor copied to another one."""
    path = studio.add_clip(50_000_000)
    written_before = studio.written_bytes()
    with slow_readers(path, count=20)(studio):
        studio.page_seconds(1)
        written = studio.written_bytes() - written_before
    print(f"20 slow readers of 1 GB: {written / 1e6:.1f} MB written")
    assert written < 20_000_000
