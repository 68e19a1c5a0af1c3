"""Node packages are fetched when the lock file changes, without running their scripts."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.node import fetch_packages, packages_are_there


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that were run instead of npm, which would leave a folder."""
    ran: list[list[str]] = []

    def run(command: list[str], **_: Any) -> None:
        ran.append(command)
        Path(command[3], "node_modules").mkdir(exist_ok=True)

    monkeypatch.setattr(subprocess, "run", run)
    return ran


def test_packages_are_current_until_the_lock_changes(tmp_path: Path, commands: list[list[str]]) -> None:
    lock = tmp_path / "package-lock.json"
    lock.write_text("{}")
    assert not packages_are_there(tmp_path)
    fetch_packages(tmp_path)
    assert packages_are_there(tmp_path)
    lock.write_text('{"packages": {}}')
    assert not packages_are_there(tmp_path)
    assert commands == [["npm", "ci", "--prefix", str(tmp_path), "--ignore-scripts"]]


def test_lock_files_have_no_urls() -> None:
    for lock in (Path(".ci/package-lock.json"), Path("tests/interop/node/package-lock.json")):
        assert '"resolved"' not in lock.read_text()
