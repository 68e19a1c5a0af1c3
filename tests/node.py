"""Node and the packages in a folder's lock file: `python -m tests.node FOLDER` fetches them if needed."""

import shutil
import subprocess
import sys
from pathlib import Path


def found_node() -> str | None:
    """The path of Node, if both node and npm are on the PATH."""
    return shutil.which("node") if shutil.which("npm") else None


def packages_are_there(folder: Path) -> bool:
    """Whether the packages fetched last are those in the folder's lock file."""
    fetched = _fetched_lock(folder)
    return fetched.is_file() and fetched.read_bytes() == _lock(folder).read_bytes()


def fetch_packages(folder: Path) -> None:
    """Fetch the packages in the folder's lock file. Raises CalledProcessError if that fails."""
    # Packages must not run scripts while they are installed.
    subprocess.run(["npm", "ci", "--prefix", str(folder), "--ignore-scripts"], check=True)
    shutil.copyfile(_lock(folder), _fetched_lock(folder))


def _lock(folder: Path) -> Path:
    return folder / "package-lock.json"


def _fetched_lock(folder: Path) -> Path:
    # npm's own record leaves out packages for other systems, so it never equals the lock file.
    return folder / "node_modules" / "fetched-package-lock.json"


if __name__ == "__main__":
    for folder in map(Path, sys.argv[1:]):
        if not packages_are_there(folder):
            fetch_packages(folder)
