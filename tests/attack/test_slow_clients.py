"""Clients that send or read as slowly as they can. Other people must not notice them."""

import sys

import pytest

from tests.attack.attacked import HALF_REQUESTS, AttackedStudio, slow_readers, slow_senders

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.processes,
]
CROWD = 500
MAX_PAGE_SECONDS = 10.0
"""A page that waits for an attack waits until the attack ends. `make bench` measures how much longer it takes."""


def test_slow_senders(studio: AttackedStudio) -> None:
    with slow_senders(*HALF_REQUESTS, count=CROWD)(studio):
        assert max(studio.page_seconds(5)) < MAX_PAGE_SECONDS


def test_slow_readers(studio: AttackedStudio) -> None:
    with slow_readers(studio.add_clip(50_000_000), count=CROWD)(studio):
        assert max(studio.page_seconds(5)) < MAX_PAGE_SECONDS


def test_a_slow_reader_costs_little_memory(studio: AttackedStudio) -> None:
    """What is read slowly stays in the file: it is neither read ahead nor copied to another one."""
    path = studio.add_clip(50_000_000)
    written_before = studio.written_bytes()
    with slow_readers(path, count=20)(studio):
        studio.page_seconds(1)
        written = studio.written_bytes() - written_before
    print(f"20 slow readers of 1 GB: {written / 1e6:.1f} MB written")
    assert written < 20_000_000
