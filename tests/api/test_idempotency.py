"""Idempotency-Key: a request takes effect once, however often it is sent, even concurrently or after a crash."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from tchavi_studio.api import idempotency, views
from tchavi_studio.api.errors import ApiError
from tchavi_studio.api.models import ApiKey, IdempotentRequest
from tchavi_studio.api.services import CreatedKey, create_key
from tchavi_studio.generations.models import Generation
from tchavi_studio.ledger.models import Kind, Transfer
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.workspaces.models import User, Workspace
from tests.api.conftest import BODY, Program
from tests.databases import Database
from tests.plans import listed_by_index

SIMULTANEOUS = 50


def test_a_repeated_request_gets_the_first_answer(program: Program, workspace: Workspace) -> None:
    first, second = program.generate(idempotency_key="night-1"), program.generate(idempotency_key="night-1")
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.json() == first.json()
    assert not first.has_header("Idempotent-Replayed")
    assert second["Idempotent-Replayed"] == "true"
    assert second["X-Credits-Used"] == "1300"
    assert Generation.objects.count() == 1
    assert wallet_balance(workspace=workspace, book="sandbox") == 8_700


def test_field_order_does_not_matter(program: Program) -> None:
    headers = {"Idempotency-Key": "a"}
    program.post("/videos/generations", '{"model": "seedance-2", "prompt": "Dawn"}', **headers)
    again = program.post("/videos/generations", '{"prompt":"Dawn","model":"seedance-2"}', **headers)
    assert again["Idempotent-Replayed"] == "true"


def test_another_request_with_the_same_key_is_422(program: Program) -> None:
    program.generate(idempotency_key="a")
    response = program.generate(idempotency_key="a", duration=6)
    assert response.status_code == 422
    assert response.json() == {
        "error": {
            "code": "idempotency_key_reused",
            "message": "This Idempotency-Key was used with another request. Nothing was created and no credits moved. "
            "Use a new key for a new request.",
            "status": 422,
            "param": "Idempotency-Key",
        }
    }
    assert Generation.objects.count() == 1


def test_without_a_key_two_requests_are_two_jobs(program: Program) -> None:
    assert program.generate().json()["id"] != program.generate().json()["id"]


def test_a_refused_request_does_not_use_up_the_key(program: Program) -> None:
    assert program.generate(idempotency_key="a", duration=99).status_code == 400
    assert program.generate(idempotency_key="a").status_code == 202


def test_too_few_credits_do_not_use_up_the_key(program: Program) -> None:
    cancelled = program.generate(duration=15, resolution="720p").json()["id"]
    assert program.generate(idempotency_key="a", duration=15).status_code == 402
    program.delete(f"/jobs/{cancelled}")
    response = program.generate(idempotency_key="a", duration=15)
    assert response.status_code == 202
    assert not response.has_header("Idempotent-Replayed")


def test_a_server_error_does_not_use_up_the_key(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("after the charge, before the commit")

    with monkeypatch.context() as patch:
        patch.setattr(views, "accepted_record", broken)
        response = program.generate(idempotency_key="a")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal_error"
    assert (Generation.objects.count(), Transfer.objects.filter(kind=Kind.CHARGE).count()) == (0, 0)
    assert program.generate(idempotency_key="a").status_code == 202


@pytest.mark.parametrize("sent", ["", "with space", "x" * 256, "clé", "tab\t"])
def test_a_malformed_key_is_refused(program: Program, sent: str) -> None:
    response = program.post("/videos/generations", BODY, **{"Idempotency-Key": sent})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "Idempotency-Key"
    assert not Generation.objects.exists()


@pytest.mark.parametrize("sent", ["x", "x" * 255, "!~#{}"])
def test_keys_of_boundary_lengths_are_accepted(program: Program, sent: str) -> None:
    assert program.generate(idempotency_key=sent).status_code == 202


def test_workspaces_do_not_share_keys(program: Program, bobs_program: Program) -> None:
    jobs = {who.generate(idempotency_key="a").json()["id"] for who in (program, bobs_program)}
    assert len(jobs) == 2


def test_live_and_test_requests_are_kept_apart(program: Program, test_program: Program) -> None:
    jobs = [who.generate(idempotency_key="a").json() for who in (test_program, program)]
    assert [job["studio"]["is_test"] for job in jobs] == [True, False]


def test_api_keys_of_one_workspace_share_idempotency_keys(program: Program, alice: User, workspace: Workspace) -> None:
    rotated = Program(create_key(workspace=workspace, user=alice, name="New").key)
    first = program.generate(idempotency_key="a").json()
    assert rotated.generate(idempotency_key="a").json() == first


def test_an_answer_is_kept_for_a_day(program: Program) -> None:
    first = program.generate(idempotency_key="a").json()["id"]
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=23, minutes=59))
    assert program.generate(idempotency_key="a").json()["id"] == first
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert program.generate(idempotency_key="a").json()["id"] != first


def test_old_answers_are_deleted_a_bounded_number_at_a_time(
    program: Program, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MAX_DELETED", 2)
    for hours in (23, 25, 26, 27):
        program.generate(duration=1, idempotency_key=str(hours))
        old = timezone.now() - timedelta(hours=hours)
        IdempotentRequest.objects.filter(key=str(hours)).update(created_at=old)
    with listed_by_index(IdempotentRequest):
        idempotency.delete_expired_answers()
    assert set(IdempotentRequest.objects.values_list("key", flat=True)) == {"23", "25"}
    # A key's first request in a minute does it.
    ApiKey.objects.update(last_used_at=None)
    program.get("/models")
    assert set(IdempotentRequest.objects.values_list("key", flat=True)) == {"23"}


# --- At the same moment, and after a crash ----------------------------------------------------------------------------


def running(key: CreatedKey, *, lease_seconds: float) -> idempotency.Claim:
    """An unfinished request of another process with the key "a"."""
    claim = idempotency.claim_request(caller=key.row, key="a", body=BODY)
    assert isinstance(claim, idempotency.Claim)
    IdempotentRequest.objects.update(leased_until=timezone.now() + timedelta(seconds=lease_seconds))
    return claim


def test_a_repeat_is_409_while_the_first_is_running(
    key: CreatedKey, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_SECONDS", 0.1)
    running(key, lease_seconds=60)
    response = program.generate(idempotency_key="a")
    assert response.status_code == 409
    assert response.json()["error"]["code"] == "idempotency_in_progress"
    assert response["Retry-After"] == "1"
    assert not Generation.objects.exists()


def test_a_repeat_waits_briefly_for_the_first_answer(
    key: CreatedKey, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(key, lease_seconds=60)
    answer = {"id": "job_1", "tchavi": {"credits_used": 1300}}

    def first_finishes(_seconds: float) -> None:
        IdempotentRequest.objects.update(status=202, body=answer)

    monkeypatch.setattr(time, "sleep", first_finishes)
    response = program.generate(idempotency_key="a")
    assert response.json() == answer
    assert response["Idempotent-Replayed"] == "true"


def test_a_process_that_died_before_the_charge_is_taken_over(key: CreatedKey, program: Program) -> None:
    claim = running(key, lease_seconds=-1)
    response = program.generate(idempotency_key="a")
    assert response.status_code == 202
    assert Generation.objects.get().submission_id == claim.submission_id


def test_a_dead_process_from_the_future_is_taken_over_after_a_lease(
    key: CreatedKey, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_SECONDS", 0.0)
    running(key, lease_seconds=5 * 3600)
    assert program.generate(idempotency_key="a").status_code == 409
    until = IdempotentRequest.objects.get().leased_until
    assert until is not None
    assert until <= timezone.now() + idempotency.LEASE


def test_a_process_that_lost_its_claim_creates_nothing(key: CreatedKey, workspace: Workspace) -> None:
    """It was paused past its lease while another process did the work; it must not store its answer."""
    paused = running(key, lease_seconds=-1)
    other = idempotency.claim_request(caller=key.row, key="a", body=BODY)
    assert isinstance(other, idempotency.Claim)
    assert other.submission_id == paused.submission_id
    for too_late in (paused.renew, lambda: paused.finish(status=202, body={})):
        with pytest.raises(ApiError) as refused:
            too_late()
        assert refused.value.code == "idempotency_in_progress"
    paused.release()
    other.renew()
    other.finish(status=202, body={"id": "job_1"})
    other.release()
    assert IdempotentRequest.objects.get().body == {"id": "job_1"}


@pytest.mark.own_database
def test_fifty_concurrent_repeats_make_one_job_and_one_charge(own_database: Database, key: CreatedKey) -> None:
    gate = threading.Barrier(SIMULTANEOUS)
    answers: list[tuple[int, str]] = []

    def send() -> None:
        try:
            gate.wait()
            response = Program(key.key).generate(idempotency_key="night-1")
            record = response.json()
            answers.append((response.status_code, record.get("id") or record["error"]["code"]))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _number in range(SIMULTANEOUS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    job_id = f"job_{Generation.objects.get().pk.hex}"
    assert len(answers) == SIMULTANEOUS
    assert (202, job_id) in answers
    assert set(answers) <= {(202, job_id), (409, "idempotency_in_progress")}
    assert Transfer.objects.filter(kind=Kind.CHARGE).count() == 1
