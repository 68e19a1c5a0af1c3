"""Node and the packages that a folder locks: `python -m tests.node FOLDER` fetches them if they are not there yet."""

import shutil
import subprocess
import sys
from pathlib import Path


def found_node() -> str | None:
    """Node, if the PATH has it, and npm beside it to fetch packages with."""
    return shutil.which("node") if shutil.which("npm") else None


def packages_are_there(folder: Path) -> bool:
    """Whether the packages that were fetched last are the ones that the folder's lock names now."""
    fetched = _fetched_lock(folder)
    return fetched.is_file() and fetched.read_bytes() == _lock(folder).read_bytes()


def fetch_packages(folder: Path) -> None:
    """Fetch what the folder's lock names. Raises CalledProcessError if that fails."""
    # No package gets to run anything while it is fetched.
    subprocess.run(["npm", "ci", "--prefix", str(folder), "--ignore-scripts"], check=True)
    shutil.copyfile(_lock(folder), _fetched_lock(folder))


def _lock(folder: Path) -> Path:
    return folder / "package-lock.json"


def _fetched_lock(folder: Path) -> Path:
    # npm's own note of what it fetched leaves out what other systems need, so it never equals the lock.
    return folder / "node_modules" / "fetched-package-lock.json"


if __name__ == "__main__":
    for folder in map(Path, sys.argv[1:]):
        if not packages_are_there(folder):
            fetch_packages(folder)
