"""API keys, programs that call the API with them, and finished clips."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from django.test import Client
from django.utils import timezone

from tchavi_studio.api.models import ApiKey, Scope
from tchavi_studio.api.services import CreatedKey, create_key
from tchavi_studio.assets.services import store_output
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.workspaces.models import User, Workspace
from tests.generations.conftest import write_clip

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

Answer: TypeAlias = "_MonkeyPatchedWSGIResponse"
"""The test client's response, which has `json()`."""

BODY = {"model": "seedance-2", "prompt": "A paper boat in the rain"}
"""The default clip: 5 s at 480p, 1,300 credits."""


class Program:
    """A program with a key: plain HTTP, without a session."""

    def __init__(self, key: str, *, base: str = "/v1") -> None:
        self.key = key
        self.base = base
        self._client = Client(raise_request_exception=False)

    def call(self, method: str, path: str, **more: Any) -> Answer:
        headers = {**({"Authorization": f"Bearer {self.key}"} if self.key else {}), **more.pop("headers", {})}
        return self._client.generic(method, self.base + path, headers=headers, **more)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, headers=headers)

    def delete(self, path: str) -> Answer:
        return self.call("DELETE", path)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        data = body if isinstance(body, bytes | str) else json.dumps(body)
        return self.call("POST", path, data=data, content_type="application/json", headers=headers)

    def upload(self, path: str, **parts: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.key}"}
        return self._client.post(self.base + path, parts, headers=headers)

    def generate(self, *, idempotency_key: str = "", **changes: Any) -> Answer:
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self.post("/videos/generations", {**BODY, **changes}, **headers)


@pytest.fixture
def key(alice: User, workspace: Workspace) -> CreatedKey:
    """Alice's live key."""
    return create_key(workspace=workspace, user=alice, name="Nightly")


@pytest.fixture
def program(key: CreatedKey) -> Program:
    """A program with Alice's live key."""
    return Program(key.key)


@pytest.fixture
def test_program(alice: User, workspace: Workspace) -> Program:
    """A program with Alice's test key."""
    return Program(create_key(workspace=workspace, user=alice, name="Trial", is_test=True).key)


@pytest.fixture
def reader(alice: User, workspace: Workspace) -> Program:
    """A program with a read-only key."""
    return Program(create_key(workspace=workspace, user=alice, name="Monitor", scope=Scope.READ).key)


@pytest.fixture
def bobs_program(bob: User) -> Program:
    """A program with Bob's key, in his own workspace."""
    workspace = Workspace.objects.get(memberships__user=bob)
    return Program(create_key(workspace=workspace, user=bob, name="Bob's").key)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two seconds of grey as MP4, just long enough to be a reference."""
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frame_count=48).read_bytes()


@pytest.fixture
def complete(clip: bytes, tmp_path: Path) -> Callable[[Generation], Generation]:
    """Complete a generation with a real file."""

    def complete_one(generation: Generation) -> Generation:
        path = tmp_path / f"{generation.pk}.mp4"
        path.write_bytes(clip)
        output = store_output(workspace=generation.workspace, user=generation.creator, path=path)
        Generation.objects.filter(pk=generation.pk).update(
            state=State.COMPLETED, output=output, finished_at=timezone.now()
        )
        generation.refresh_from_db()
        return generation

    return complete_one


def only_generation() -> Generation:
    return Generation.objects.get()


def row_of(program: Program) -> ApiKey:
    """The row of the program's key."""
    from tchavi_studio.api.queries import key_by_text

    found = key_by_text(program.key)
    assert found is not None
    return found[0]
