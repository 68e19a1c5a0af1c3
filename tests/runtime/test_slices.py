"""A slice of work ends when its time is up, or immediately when its cluster is asked to stop."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tchavi_studio.runtime import slices
from tchavi_studio.runtime.slices import Slice, stop_requested


@pytest.fixture
def stop_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that, once created, asks this process to stop."""
    path = tmp_path / "stop"
    monkeypatch.setattr(slices, "stop_file", path)
    return path


def test_slice_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(monotonic=lambda: 100.0)
    monkeypatch.setattr(slices, "time", clock)
    turn = Slice(45)
    clock.monotonic = lambda: 144.9
    seen = [turn.is_over]
    clock.monotonic = lambda: 145.0
    assert [*seen, turn.is_over, Slice(0).is_over] == [False, True, True]


def test_slice_ends_when_asked_to_stop(stop_file: Path) -> None:
    turn = Slice(60)
    assert (stop_requested(), turn.is_over) == (False, False)
    stop_file.touch()
    assert (stop_requested(), turn.is_over) == (True, True)


def test_no_stop_without_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "stop_file", None)
    assert (stop_requested(), Slice(60).is_over) == (False, False)
