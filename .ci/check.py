"""`make check`: all checks that don't run the studio. Every check runs; the failed ones are listed at the end."""

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

# The settings of a public server, for `check --deploy`.
PUBLIC = {
    "STUDIO_PUBLIC_URL": "https://studio.example.org",
    "SECRET_KEY": "only-for-this-check-0123456789-abcdefghijklmnopqrstuvwxyz",
}


def tracked(pattern: str) -> list[str]:
    """The repository's files that match, including those not committed yet."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in names if Path(name).exists()]


def checks() -> dict[str, tuple[list[str], dict[str, str]]]:
    """Each check's name, command and extra environment variables."""
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
        "roles": ([sys.executable, ".ci/roles.py", "--check"], {}),
        "translations": ([sys.executable, ".ci/translations.py", "--check"], {}),
    }


def node_checks() -> dict[str, tuple[list[str], dict[str, str]]]:
    """The checks that need Node; the first fetches the others' packages."""
    biome = [f"{NODE_BIN}/biome", "ci", "--config-path=.ci", "--error-on-warnings", "--colors=off"]
    return {
        "Node packages": ([sys.executable, "-m", "tests.node", ".ci"], {}),
        "biome": ([*biome, "static", "tests/interop/node"], {}),
        "tsc": ([f"{NODE_BIN}/tsc", "--project", ".ci"], {}),
    }


def main() -> int:
    failed = []
    # Checks must not use an operator's settings, files or database.
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
        print("!!! Node is missing (install nodejs and npm). NOT CHECKED: scripts and style sheets")
        if os.environ.get("CI") == "true":
            failed.append("Node is missing")
    print("Checks failed: " + ", ".join(failed) if failed else "All checks passed.")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
