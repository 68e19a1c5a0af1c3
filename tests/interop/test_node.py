"""Node programs: the public `openai` package, and the contract's example in plain fetch."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from tchavi_studio.api.services import create_key
from tchavi_studio.generations.lifecycle import fail_generation
from tchavi_studio.generations.models import Generation
from tchavi_studio.workspaces.models import User, Workspace
from tests.databases import Database
from tests.interop.conftest import ServedApi
from tests.node import found_node, packages_are_there
from tests.run import NODE_FOLDER
from tests.running_studio import RunningStudio

pytestmark = [pytest.mark.own_database, pytest.mark.one_database, pytest.mark.processes]

REQUEST_ID = re.compile(r"req_[0-9a-f]{24}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
PATIENCE_SECONDS = 90


def run_script(name: str, *, base_url: str, key: str, **environment: str) -> dict[str, Any]:
    """The output of a script in the `node` folder, run against `base_url`."""
    node = found_node()
    if node is None:
        pytest.skip("no Node here: install nodejs and npm, then run make test")
    done = subprocess.run(
        [node, str(NODE_FOLDER / name)],
        env={**os.environ, "BASE_URL": base_url, "API_KEY": key, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def test_the_openai_package_for_node(served_api: ServedApi, three_requests_a_minute: None) -> None:
    if not packages_are_there(NODE_FOLDER):
        pytest.skip("the Node packages are missing: make test fetches them")
    seen = run_script("openai_client.mjs", base_url=served_api.base_url, key=served_api.live_key)
    assert seen["accepted"]["job"] == {"id": seen["accepted"]["id"], "status": "pending"}
    assert seen["job"]["id"] == seen["accepted"]["id"]
    assert seen["job"]["tchavi"] == {"credits_used": 8700}
    refusal = seen["refusal"]
    assert (refusal["status"], refusal["code"]) == (402, "insufficient_credits")
    assert "This needs 8,700 credits, but the wallet holds only 1,300. No credits moved." in refusal["message"]
    assert REQUEST_ID.fullmatch(refusal["request_id"])
    assert seen["models"] == ["seedance-2", "kling-v3"]
    # Without Retry-After it would retry within half a second. Timers may fire a little early.
    assert seen["waited_seconds"] >= 0.99


@pytest.fixture
def studio(own_database: Database, prepared_data: Path, tmp_path: Path) -> Iterator[RunningStudio]:
    """The whole studio, including the workers."""
    shutil.copytree(prepared_data, tmp_path / "data")
    with RunningStudio(tmp_path, own_database) as studio:
        yield studio


def test_the_contract_example_makes_a_clip(studio: RunningStudio, alice: User, workspace: Workspace) -> None:
    key = create_key(workspace=workspace, user=alice, name="Nightly").key
    seen = run_script("contract_example.mjs", base_url=f"{studio.address}/v1", key=key)
    assert seen["statuses"][-1] == "completed"
    assert set(seen["statuses"]) <= {"pending", "processing", "completed"}
    job, clip = seen["job"], seen["clip"]
    generation = Generation.objects.get()
    assert generation.output is not None
    assert job == {
        "id": f"job_{generation.pk.hex}",
        "status": "completed",
        "model": "seedance-2",
        "created_at": job["created_at"],
        "tchavi.credits_used": 260,
        "output.video_url": job["output.video_url"],
        "output.duration": 1,
        "output.resolution": "480p",
        "output.file_size_mb": round(generation.output.byte_count / 1_000_000, 2),
        "output.url_expires_at": job["output.url_expires_at"],
    }
    assert MOMENT.fullmatch(job["created_at"])
    assert MOMENT.fullmatch(job["output.url_expires_at"])
    assert clip == {"status": 200, "type": "video/mp4", "bytes": generation.output.byte_count}


def test_the_contract_example_reports_a_failure(served_api: ServedApi, alice: User, workspace: Workspace) -> None:
    with OpenAI(base_url=served_api.base_url, api_key=served_api.live_key) as client:
        body = {"model": "kling-v3", "prompt": "A paper boat", "duration": 2}
        job_id = client.post("/videos/generations", body=body, cast_to=dict[str, Any])["id"]
    fail_generation(Generation.objects.get().pk, code="timeout", message="It took too long.")
    seen = run_script("contract_example.mjs", base_url=served_api.base_url, key=served_api.live_key, JOB_ID=job_id)
    assert seen == {
        "statuses": ["failed"],
        "job": {
            "id": job_id,
            "status": "failed",
            "model": "kling-v3",
            "created_at": seen["job"]["created_at"],
            "tchavi.credits_used": 520,
            "tchavi.credits_refunded": 520,
            "error.code": "timeout",
            "error.message": "It took too long.",
        },
    }
