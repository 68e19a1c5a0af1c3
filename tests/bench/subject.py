"""Run one subject: `python -m tests.bench.subject pages --size 200000 [--out FILE]`."""

import argparse
import importlib
import json
import os
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
# The sweep reports every clip that it takes over.
os.environ.setdefault("STUDIO_LOG_LEVEL", "ERROR")

import django

django.setup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="the module in tests/bench/")
    parser.add_argument("--size", type=int, required=True, help="clips in the large studio")
    parser.add_argument("--out", type=Path, help="write the rows to this file as JSON")
    arguments = parser.parse_args()
    rows = []
    for row in importlib.import_module(f"tests.bench.{arguments.name}").rows(arguments.size):
        print(row, flush=True)
        rows.append(row)
    if arguments.out:
        arguments.out.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
