"""Pools: places that all processes of the machine share."""

import os
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest
from pytest_django import Settings

from tchavi_studio.runtime.pools import Pool, PoolFullError


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, settings: Settings) -> None:
    settings.STUDIO_DATA = tmp_path


def test_no_more_than_its_places_are_taken() -> None:
    pool = Pool(name="ovens", size=2)
    with pool.place(), pool.place(), pytest.raises(PoolFullError), pool.place():
        pass
    with pool.place(), pool.place():
        pass


def test_each_owner_has_some_of_the_places() -> None:
    pool = Pool(name="ovens", size=3, max_per_owner=1)
    with pool.place(owner="awa"):
        with pytest.raises(PoolFullError), pool.place(owner="awa"):
            pass
        with pool.place(owner="bintou"), pool.place(owner="aw"):
            pass
        with pool.place(owner="bintou"):
            pass


def test_another_pool_has_its_own_places() -> None:
    with Pool(name="ovens", size=1).place(), Pool(name="bowls", size=1).place():
        pass


def test_whoever_waits_gets_a_place_that_becomes_free(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, looks = Pool(name="ovens", size=1), 0
    with ExitStack() as held:
        held.enter_context(pool.place())

        def look(seconds: float) -> None:
            nonlocal looks
            looks += 1
            if looks == 2:
                held.close()

        monkeypatch.setattr("tchavi_studio.runtime.pools.time.sleep", look)
        with pool.place(wait_seconds=60):
            assert looks == 2


def test_a_killed_process_leaves_its_place_free() -> None:
    pool = Pool(name="ovens", size=1)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with pool.place():
            os.write(writer, b"taken")
            signal.pause()
    try:
        assert os.read(reader, 5) == b"taken"
        with pytest.raises(PoolFullError), pool.place():
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with pool.place():
        pass
