"""Requests generated from the OpenAPI description, valid or not, only get answers that it describes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.interop.conftest import ServedApi

pytestmark = [pytest.mark.own_database, pytest.mark.one_database, pytest.mark.processes]

EXAMPLES_PER_OPERATION = 15

CONFIGURATION = """
hooks = "{hooks}"

# Waiting would only be slow: there are no workers.
[parameters]
"header.Prefer" = "wait=0"

# A cancelled job still exists: its record shows the refund.
[checks.use_after_free]
enabled = false

# The description can't say that a URL leads to a picture, that bytes are one, or that audio needs one.
[[operations]]
include-name = ["POST /videos/generations", "POST /videos/quote", "POST /files"]
checks.positive_data_acceptance.enabled = false

# It doesn't know about the picture that the hooks send, either.
[[operations]]
include-name = "POST /files"
checks.negative_data_rejection.enabled = false
"""

SUCCESSES = {
    "POST /videos/generations": 202,
    "POST /videos/quote": 200,
    "GET /jobs": 200,
    "GET /jobs/{id}": 200,
    "DELETE /jobs/{id}": 200,
    "POST /files": 201,
    "GET /credits": 200,
    "GET /models": 200,
}


def test_every_answer_is_documented(served_api: ServedApi, settings: Settings, tmp_path: Path) -> None:
    settings.STUDIO_API_RPM_PER_KEY = settings.STUDIO_API_RPM_PER_ADDRESS = 1_000_000
    configuration, answers = tmp_path / "schemathesis.toml", tmp_path / "answers.json"
    configuration.write_text(CONFIGURATION.format(hooks=Path(__file__).with_name("schemathesis_hooks.py")))
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        f"--config-file={configuration}",
        "run",
        f"{served_api.base_url}/openapi.json",
        f"--header=Authorization:Bearer {served_api.test_key}",
        f"--max-examples={EXAMPLES_PER_OPERATION}",
        "--generation-deterministic",
        "--continue-on-failure",
        "--no-color",
    ]
    environment = {**os.environ, "ANSWERS": str(answers)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

    counts = {(operation, status): count for operation, status, count in json.loads(answers.read_text())}
    print(f"schemathesis: {sum(counts.values())} requests, {counts}")
    assert set(SUCCESSES.items()) <= set(counts)
    assert max(status for _operation, status in counts) < 500
