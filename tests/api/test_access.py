"""Every operation of `/v1` × every kind of key: what each may do, and what those that have ended are told."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from tchavi_studio.api.models import ApiKey, Scope
from tchavi_studio.api.operations import OPERATIONS
from tchavi_studio.api.services import create_key, revoke_key
from tchavi_studio.generations.models import Generation
from tchavi_studio.workspaces.members import change_role, remove_member
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tchavi_studio.workspaces.ownership import archive_workspace
from tchavi_studio.workspaces.site_people import block_person
from tests.api.conftest import BODY, Answer, Program

READING = {"GET /jobs", "GET /jobs/{id}", "GET /credits", "GET /models"}
MAKING = {"POST /videos/generations", "POST /videos/quote", "DELETE /jobs/{id}", "POST /files"}
KEYS = ("live", "test", "read only", "revoked", "expired", "of a removed member", "of a viewer", "of a blocked person",
        "of an archived workspace", "of another workspace", "made up", "none")  # fmt: skip
ENDED = {"revoked", "expired", "of a removed member", "of a blocked person", "made up", "none"}


def names() -> set[str]:
    return {f"{operation.method} {operation.path}" for operation in OPERATIONS}


def test_every_operation_is_classified() -> None:
    assert names() == READING | MAKING


@pytest.fixture
def program_with(workspace: Workspace, alice: User, bob: User) -> Callable[[str], Program]:
    """A program with a key of Bob's, a creator in Alice's workspace, of the kind that is named."""
    manager = Membership.objects.get(workspace=workspace, user=alice)
    member = Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)

    def made(kind: str) -> Program:
        if kind in ("made up", "none"):
            return Program("sk-tch_" + "0" * 60 if kind == "made up" else "")
        home = Workspace.objects.get(memberships__user=bob, memberships__role=Role.OWNER)
        created = create_key(
            workspace=home if kind == "of another workspace" else workspace,
            user=bob,
            name=kind,
            is_test=kind == "test",
            scope=Scope.READ if kind == "read only" else Scope.GENERATE,
        )
        if kind == "revoked":
            revoke_key(key=created.row, actor=bob)
        elif kind == "expired":
            ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        elif kind == "of a removed member":
            remove_member(manager=manager, member_id=member.pk)
        elif kind == "of a viewer":
            change_role(manager=manager, member_id=member.pk, role=Role.VIEWER)
        elif kind == "of a blocked person":
            block_person(person=bob, admin=alice, reason="Spam")
        elif kind == "of an archived workspace":
            archive_workspace(workspace=workspace, owner=alice)
        return Program(created.key)

    return made


def asked(program: Program, operation: str, job: str) -> Answer:
    method, path = operation.split()
    path = path.replace("{id}", job)
    if operation == "POST /videos/generations" or operation == "POST /videos/quote":
        return program.post(path, BODY)
    if operation == "POST /files":
        return program.post(path, {})
    return program.call(method, path)


@pytest.mark.parametrize("kind", KEYS)
def test_each_kind_of_key(
    program_with: Callable[[str], Program], program: Program, workspace: Workspace, kind: str
) -> None:
    # A job of Alice's key, which no other key may know of.
    job = program.generate().json()["id"]
    before = Generation.objects.count()
    other = program_with(kind)
    statuses = {operation: asked(other, operation, job).status_code for operation in sorted(names())}
    if kind in ENDED:
        assert set(statuses.values()) == {401}
    elif kind in ("read only", "of a viewer", "of an archived workspace"):
        assert {statuses[operation] for operation in MAKING} == {403}
        assert statuses["GET /jobs/{id}"] == 404
        assert {statuses[operation] for operation in READING - {"GET /jobs/{id}"}} == {200}
    else:
        assert statuses == {
            "DELETE /jobs/{id}": 404,
            "GET /credits": 200,
            "GET /jobs": 200,
            "GET /jobs/{id}": 404,
            "GET /models": 200,
            "POST /files": 415,
            "POST /videos/generations": 202,
            "POST /videos/quote": 200,
        }
    made = Generation.objects.count() - before
    assert made == (statuses["POST /videos/generations"] == 202)
    assert asked(other, "GET /jobs", job).json().get("data", []) == [] or made


@pytest.mark.parametrize("kind", ["of a removed member", "of an archived workspace", "revoked"])
def test_open_jobs_of_a_key_that_has_ended_are_finished(
    program_with: Callable[[str], Program], workspace: Workspace, alice: User, bob: User, kind: str
) -> None:
    program = Program(create_key(workspace=workspace, user=bob, name="Nightly").key)
    Membership.objects.get_or_create(workspace=workspace, user=bob, defaults={"role": Role.CREATOR})
    program.generate()
    program_with(kind)
    clip = Generation.objects.get()
    assert clip.is_open


def test_a_key_shows_its_persons_rows_of_the_statement(
    program: Program, program_with: Callable[[str], Program], workspace: Workspace
) -> None:
    member = program_with("live")
    program.generate()
    member.generate()
    seen = member.get("/credits").json()
    assert [row["sequence"] for row in seen["statement"]] == [3]
    assert seen["balance"] == 7_400
    assert [row["sequence"] for row in program.get("/credits").json()["statement"]] == [3, 2, 1]
    Membership.objects.filter(workspace=workspace, role=Role.CREATOR).update(role=Role.AUDITOR)
    assert [row["sequence"] for row in member.get("/credits").json()["statement"]] == [3, 2, 1]
