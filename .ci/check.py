"""`make check`: everything that can be judged without running the studio. All of it runs, then what failed is named."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent
NODE_BIN = Path(".ci/node_modules/.bin")
MANAGE = [sys.executable, "-W", "error", "manage.py"]

# As on a public server: `check --deploy` judges what is in force there.
PUBLIC = {
    "STUDIO_PUBLIC_URL": "https://studio.example.org",
    "SECRET_KEY": "only-for-this-check-0123456789-abcdefghijklmnopqrstuvwxyz",
}


def tracked(pattern: str) -> list[str]:
    """The files of the repository that match, also those that are not committed yet."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in names if Path(name).exists()]


def checks() -> dict[str, tuple[list[str], dict[str, str]]]:
    """Every check: its name, its command, and what it adds to the environment."""
    return {
        "ruff check": ([f"{BIN}/ruff", "check"], {}),
        "ruff format": ([f"{BIN}/ruff", "format", "--check"], {}),
        "mypy": ([f"{BIN}/mypy"], {}),
        "import-linter": ([f"{BIN}/lint-imports", "--no-cache"], {}),
        "templates": ([sys.executable, ".ci/templates.py"], {}),
        "djade": ([f"{BIN}/djade", "--check", *(tracked("*.html") or ["--help"])], {}),
        "style sheets": ([sys.executable, ".ci/styles.py"], {}),
        "migrations": ([*MANAGE, "makemigrations", "--check", "--dry-run"], {}),
        "deployment": ([*MANAGE, "check", "--deploy", "--fail-level", "WARNING"], PUBLIC),
        "translations": ([sys.executable, ".ci/translations.py", "--check"], {}),
    }


def node_checks() -> dict[str, tuple[list[str], dict[str, str]]]:
    """The checks that Node runs; the first one fetches what the others are."""
    biome = [f"{NODE_BIN}/biome", "ci", "--config-path=.ci", "--error-on-warnings", "--colors=off"]
    return {
        "Node packages": ([sys.executable, "-m", "tests.node", ".ci"], {}),
        "biome": ([*biome, "static", "tests/interop/node"], {}),
        "tsc": ([f"{NODE_BIN}/tsc", "--project", ".ci"], {}),
    }


def main() -> int:
    failed = []
    # An operator's settings, files and database are none of a check's business.
    ours = {
        name: value for name, value in os.environ.items() if not name.startswith(("STUDIO_", "TCHAVI_", "DATABASE_"))
    }
    ours["STUDIO_DATA"] = tempfile.mkdtemp(prefix="tchavi-studio-check-")
    has_node = all(map(shutil.which, ("node", "npm")))
    for name, (command, environment) in {**checks(), **(node_checks() if has_node else {})}.items():
        began = time.monotonic()
        done = subprocess.run(command, env={**ours, **environment}, capture_output=True, text=True)
        print(f"{'failed' if done.returncode else 'ok':6}  {time.monotonic() - began:4.1f} s  {name}", flush=True)
        if done.returncode:
            failed.append(name)
            print(done.stdout, done.stderr, sep="\n", flush=True)
            if name == "Node packages":
                break
    shutil.rmtree(ours["STUDIO_DATA"])
    if not has_node:
        print("!!! NOT CHECKED, because Node is missing (install nodejs and npm): scripts and style sheets")
        if os.environ.get("CI") == "true":
            failed.append("Node is missing")
    print("Checks failed: " + ", ".join(failed) if failed else "All checks passed.")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
