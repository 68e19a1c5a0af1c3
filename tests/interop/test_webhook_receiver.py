"""The JavaScript webhook receiver from the docs, with the public `standardwebhooks` package for Node."""

import json
import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

import tchavi_studio
from tests.databases import free_port
from tests.node import found_node, packages_are_there
from tests.run import NODE_FOLDER
from tests.running_studio import wait_for

PAGE = Path(tchavi_studio.__file__).parents[1] / "docs" / "webhooks.md"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_javascript_receiver_rejects_forged_messages() -> None:
    node = found_node()
    if node is None or not packages_are_there(NODE_FOLDER):
        pytest.skip("Node or its packages are missing: make test fetches them")
    [receiver] = re.findall(r"^```js\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    port = free_port()
    process = subprocess.Popen(
        [node, "--input-type=module", "--eval", receiver + "\nfunction fetchLater(id) { console.log(id); }"],
        cwd=NODE_FOLDER,
        env={**os.environ, "WEBHOOK_SECRET": SECRET, "PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: status(port, b"{}", {}) == 400, seconds=20, what="the receiver to listen")
        body = json.dumps({"type": "job.completed", "data": {"id": "job_1"}}).encode()
        now = datetime.now(UTC)
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign("msg_1", now, body.decode()),
        }
        assert status(port, body + b" ", headers) == 400
        assert status(port, body, headers) == 204
    finally:
        process.terminate()
        printed, _ = process.communicate(timeout=20)
    assert printed == "job_1\n"


def status(port: int, body: bytes, headers: dict[str, str]) -> int:
    """The receiver's status; 0 while it isn't listening."""
    try:
        return httpx.post(f"http://127.0.0.1:{port}/", content=body, headers=headers).status_code
    except httpx.ConnectError:
        return 0
