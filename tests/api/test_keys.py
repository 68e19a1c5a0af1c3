"""What each key can do, and what is stored of it."""

import hashlib
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tchavi_studio.api.models import ApiKey
from tchavi_studio.api.services import CreatedKey, create_key, revoke_key
from tchavi_studio.generations.models import Generation
from tchavi_studio.ledger.models import SpendingLimit
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tests.api.conftest import BODY, Program, row_of

UNKNOWN = "This API key is not known. No credits moved: check that it was copied whole."


def refusal(program: Program, path: str = "/jobs") -> tuple[int, str, str]:
    """An answer's status, error code and message."""
    response = program.get(path)
    error = response.json()["error"]
    assert response["X-Request-Id"].startswith("req_")
    assert error["status"] == response.status_code
    return response.status_code, error["code"], error["message"]


def test_a_key_has_256_random_bits_and_only_its_digest_is_stored(key: CreatedKey) -> None:
    match = re.fullmatch(r"sk-tch_([0-9a-f]{12})([A-Za-z0-9_-]{43})", key.key)
    assert match is not None
    row = ApiKey.objects.get()
    assert row.public_id == match.group(1)
    assert row.secret_sha256 == hashlib.sha256(key.key.encode()).hexdigest()
    assert match.group(2) not in str(ApiKey.objects.values_list().get())
    assert key.key not in repr(key)
    assert row.hint == f"sk-tch_{row.public_id[:6]}…"


def test_a_test_key_is_recognisable_by_its_prefix(alice: User, workspace: Workspace) -> None:
    made = create_key(workspace=workspace, user=alice, name="Trial", is_test=True)
    assert made.key.startswith("sk-tch_test_")
    assert made.row.hint.startswith("sk-tch_test_")


def test_no_key_is_401(alice: User) -> None:
    assert refusal(Program("")) == (
        401,
        "invalid_api_key",
        "Send an API key: Authorization: Bearer sk-tch_…. No credits moved.",
    )
    assert Program("").get("/jobs")["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("change", ["", "x", "sk-tch_", "sk-tch_test_"])
def test_a_malformed_key_is_401(alice: User, change: str) -> None:
    assert refusal(Program(change or "nonsense")) == (401, "invalid_api_key", UNKNOWN)


def test_a_key_with_one_wrong_character_is_401(key: CreatedKey) -> None:
    wrong = key.key[:-1] + ("A" if key.key[-1] != "A" else "B")
    assert refusal(Program(wrong)) == (401, "invalid_api_key", UNKNOWN)


def test_a_changed_prefix_does_not_make_a_test_key(key: CreatedKey) -> None:
    assert refusal(Program(key.key.replace("sk-tch_", "sk-tch_test_"))) == (401, "invalid_api_key", UNKNOWN)


def test_another_authorization_scheme_is_refused(key: CreatedKey) -> None:
    response = Program("").get("/jobs", Authorization=f"Basic {key.key}")
    assert response.status_code == 401


def test_the_schemes_case_does_not_matter(key: CreatedKey) -> None:
    assert Program("").get("/jobs", Authorization=f"bearer  {key.key} ").status_code == 200


def test_a_session_is_not_a_key(alice_browser: Client) -> None:
    assert alice_browser.get("/v1/jobs").status_code == 401


def test_a_revoked_key_is_401(key: CreatedKey, program: Program) -> None:
    revoke_key(key=key.row, actor=key.row.user)
    message = "This API key was revoked. No credits moved: use another, or create a new one."
    assert refusal(program) == (401, "invalid_api_key", message)


def test_an_expired_key_is_401(alice: User, workspace: Workspace) -> None:
    now = timezone.now()
    keys = [
        create_key(workspace=workspace, user=alice, name=str(hours), expires_at=now + timedelta(hours=hours))
        for hours in (-1, 1)
    ]
    message = "This API key has expired. No credits moved: create a new one."
    assert refusal(Program(keys[0].key)) == (401, "invalid_api_key", message)
    assert Program(keys[1].key).get("/jobs").status_code == 200


@pytest.mark.parametrize("loss", ["left", "deactivated"])
def test_a_key_stops_working_when_its_membership_ends(alice: User, program: Program, loss: str) -> None:
    if loss == "left":
        Membership.objects.filter(user=alice).delete()
    else:
        User.objects.filter(pk=alice.pk).update(is_active=False)
    message = "The person behind this API key is no longer in the workspace. No credits moved."
    assert refusal(program) == (401, "invalid_api_key", message)


GENERATING = [("POST", "/videos/generations"), ("POST", "/videos/quote"), ("POST", "/files"), ("DELETE", "/jobs/job_1")]


@pytest.mark.parametrize(("method", "path"), GENERATING)
def test_a_read_only_key_cannot_generate(reader: Program, method: str, path: str) -> None:
    response = reader.call(method, path)
    assert response.status_code == 403
    assert response.json()["error"] == {
        "code": "insufficient_scope",
        "message": "This API key may only read. No credits moved: use a key that may generate.",
        "status": 403,
    }


@pytest.mark.parametrize("path", ["/jobs", "/credits", "/models"])
def test_a_read_only_key_can_read(reader: Program, path: str) -> None:
    assert reader.get(path).status_code == 200


@pytest.mark.parametrize(("role", "status"), [(Role.VIEWER, 403), (Role.AUDITOR, 403), (Role.CREATOR, 202)])
def test_a_key_can_do_no_more_than_its_person(alice: User, program: Program, role: Role, status: int) -> None:
    Membership.objects.filter(user=alice).update(role=role)
    assert program.generate().status_code == status
    assert program.get("/jobs").status_code == 200


def test_a_key_only_works_in_its_workspace(program: Program, bobs_program: Program) -> None:
    bobs_program.post("/videos/generations", BODY)
    generation = Generation.objects.get()
    assert generation.workspace_id == row_of(bobs_program).workspace_id != row_of(program).workspace_id
    assert generation.key_id == row_of(bobs_program).pk
    assert program.get("/credits").json()["balance"] == 10_000


def test_last_use_is_written_once_a_minute(program: Program) -> None:
    assert row_of(program).last_used_at is None
    program.get("/jobs")
    first = row_of(program).last_used_at
    assert first is not None
    program.get("/jobs")
    assert row_of(program).last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
    program.get("/jobs")
    second = row_of(program).last_used_at
    assert second is not None
    assert second > first


def test_revoking_twice_keeps_the_first_time(key: CreatedKey) -> None:
    revoke_key(key=key.row, actor=key.row.user)
    first = ApiKey.objects.get().revoked_at
    revoke_key(key=key.row, actor=key.row.user)
    assert ApiKey.objects.get().revoked_at == first


def test_a_key_spends_no_more_than_its_monthly_limit(alice: User, workspace: Workspace) -> None:
    limited = create_key(workspace=workspace, user=alice, name="Limited", monthly_limit_credits=2_000)
    program = Program(limited.key)
    first = program.generate()
    refused = program.generate()
    assert (first.status_code, refused.status_code) == (202, 402)
    assert refused.json() == {
        "error": {
            "code": "spending_limit_reached",
            "message": "This needs 1,300 credits, but only 700 of this month's limit of 2,000 are left. No credits "
            "moved.",
            "status": 402,
        }
    }
    program.delete(f"/jobs/{first.json()['id']}")
    assert program.generate().status_code == 202


def test_a_test_key_needs_no_limit(alice: User, workspace: Workspace) -> None:
    made = create_key(workspace=workspace, user=alice, name="Trial", is_test=True, monthly_limit_credits=1)
    assert not SpendingLimit.objects.filter(key_id__isnull=False).exists()
    assert Program(made.key).generate().status_code == 202
