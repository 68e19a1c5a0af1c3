"""Jobs in the API: the record in every state, lists, cancelling and waiting."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.api import rate_limits, waiting
from tchavi_studio.generations.lifecycle import fail_generation
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.workspaces.models import Workspace
from tests.api.conftest import Program, only_generation
from tests.plans import listed_by_index

Complete = Callable[[Generation], Generation]


def set_state(state: State) -> None:
    Generation.objects.update(state=state)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (State.QUEUED, "pending"),
        (State.SUBMITTING, "pending"),
        (State.UNKNOWN, "pending"),
        (State.PROCESSING, "processing"),
        (State.SAVING, "processing"),
    ],
)
def test_an_open_job_shows_what_it_cost_and_no_output(program: Program, state: State, status: str) -> None:
    job_id = program.generate(seed=1).json()["id"]
    set_state(state)
    assert program.get(f"/jobs/{job_id}").json() == {
        "id": job_id,
        "status": status,
        "model": "seedance-2",
        "created_at": only_generation().created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "tchavi": {"credits_used": 1300},
        "studio": {"engine": "preview", "seed": 1, "is_test": False},
    }


def test_a_completed_job_has_a_link_that_works_without_a_key(program: Program, complete: Complete, clip: bytes) -> None:
    job_id = program.generate(seed=1).json()["id"]
    complete(only_generation())

    job = program.get(f"/jobs/{job_id}").json()

    output = job.pop("output")
    assert job == {
        "id": job_id,
        "status": "completed",
        "model": "seedance-2",
        "created_at": only_generation().created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "tchavi": {"credits_used": 1300},
        "studio": {"engine": "preview", "seed": 1, "is_test": False},
    }
    expires_at = datetime.fromisoformat(output.pop("url_expires_at"))
    assert timedelta(hours=23, minutes=59) < expires_at - timezone.now() <= timedelta(hours=24)
    video_url = output.pop("video_url")
    assert video_url.startswith("http://testserver/media/")
    assert output == {"duration": 2.0, "resolution": "480p", "file_size_mb": round(len(clip) / 1_000_000, 2)}
    answer = Client().get(urlsplit(video_url).path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "video/mp4")
    assert b"".join(answer) == clip


def test_the_clips_link_is_under_the_configured_public_address(
    program: Program, complete: Complete, settings: Settings
) -> None:
    settings.STUDIO_PUBLIC_URL = "https://studio.example.org"
    job_id = program.generate().json()["id"]
    complete(only_generation())
    assert program.get(f"/jobs/{job_id}").json()["output"]["video_url"].startswith("https://studio.example.org/media/")


def test_a_failed_job_has_its_reason_and_its_refund(program: Program, workspace: Workspace) -> None:
    job_id = program.generate().json()["id"]
    fail_generation(only_generation().pk, code="content_policy", message="A real person's face was found.")
    job = program.get(f"/jobs/{job_id}").json()
    assert job["status"] == "failed"
    assert job["error"] == {"code": "content_policy", "message": "A real person's face was found."}
    assert job["tchavi"] == {"credits_used": 1300, "credits_refunded": 1300}
    assert "output" not in job
    assert wallet_balance(workspace=workspace, book="sandbox") == 10_000


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("en", "Reference image 2 couldn't be read. Try again with another file."),
        ("fr", "L’image de référence 2 n’a pas pu être lue. Réessayez avec un autre fichier."),
    ],
)
def test_our_failure_messages_are_translated(program: Program, language: str, message: str) -> None:
    job_id = program.generate().json()["id"]
    fail_generation(only_generation().pk, code="reference_image_unreadable", figures={"number": 2})
    job = program.get(f"/jobs/{job_id}", **{"Accept-Language": language}).json()
    assert job["error"] == {"code": "reference_image_unreadable", "message": message}


# --- Whose jobs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["job_" + "0" * 32, "job_1", "0" * 32, "job_" + "0" * 31 + "G", "%00", "a/b"])
def test_an_unknown_job_is_404(program: Program, path: str) -> None:
    response = program.get(f"/jobs/{path}")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_a_key_sees_only_its_own_jobs(
    program: Program, test_program: Program, reader: Program, bobs_program: Program
) -> None:
    job_id = program.generate().json()["id"]
    for stranger in (test_program, reader, bobs_program):
        answers = [stranger.get(f"/jobs/{job_id}"), stranger.get("/jobs")]
        assert [answer.status_code for answer in answers] == [404, 200]
        assert answers[1].json() == {"data": [], "has_more": False}
    assert [job["id"] for job in program.get("/jobs").json()["data"]] == [job_id]


def test_other_keys_cannot_cancel_a_job(program: Program, test_program: Program, bobs_program: Program) -> None:
    job_id = program.generate().json()["id"]
    assert [stranger.delete(f"/jobs/{job_id}").status_code for stranger in (test_program, bobs_program)] == [404, 404]
    assert only_generation().state == State.QUEUED


# --- The list ---------------------------------------------------------------------------------------------------------


def test_the_list_is_newest_first_and_comes_in_pages(test_program: Program) -> None:
    ids = [test_program.generate().json()["id"] for _number in range(3)][::-1]

    def page(query: str) -> tuple[list[str], bool]:
        answer = test_program.get(f"/jobs{query}").json()
        assert set(answer) == {"data", "has_more"}
        return [job["id"] for job in answer["data"]], answer["has_more"]

    assert page("") == (ids, False)
    assert page("?limit=2") == (ids[:2], True)
    assert page("?limit=2&offset=2") == (ids[2:], False)
    assert page("?limit=50&offset=1") == (ids[1:], False)
    assert page("?offset=3") == ([], False)
    assert page(f"?limit=1&after={ids[0]}") == (ids[1:2], True)
    assert page(f"?limit=1&after={ids[1]}") == (ids[2:], False)
    assert page(f"?after={ids[2]}") == ([], False)
    # A program that knows both servers sends both.
    assert page(f"?offset=2&after={ids[0]}") == (ids[1:], False)


def test_new_jobs_do_not_shift_the_page_after_a_job(test_program: Program) -> None:
    first, second = (test_program.generate().json()["id"] for _number in range(2))
    test_program.generate()
    assert [job["id"] for job in test_program.get(f"/jobs?after={second}").json()["data"]] == [first]


def test_jobs_of_one_moment_follow_one_another(test_program: Program) -> None:
    ids = [test_program.generate().json()["id"] for _number in range(4)]
    Generation.objects.update(created_at=timezone.now())
    seen: list[str] = []
    while page := test_program.get(f"/jobs?limit=1{f'&after={seen[-1]}' if seen else ''}").json()["data"]:
        seen.append(page[0]["id"])
    assert seen == sorted(ids, reverse=True)


def test_only_the_keys_own_jobs_can_be_continued_after(program: Program, test_program: Program) -> None:
    theirs = test_program.generate().json()["id"]
    for unknown in (theirs, "job_" + "0" * 32):
        response = program.get(f"/jobs?after={unknown}")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")
    for malformed in ("", "job_1", "0"):
        response = program.get(f"/jobs?after={malformed}")
        assert response.status_code == 400
        assert response.json()["error"]["details"] == [
            {"param": "after", "code": "not_a_job_id", "message": "after must be the id of a job."}
        ]


def test_statuses_that_are_several_states_are_listed_newest_first(program: Program) -> None:
    ids = [program.generate(duration=1).json()["id"] for _number in range(4)]
    states = [State.QUEUED, State.UNKNOWN, State.SUBMITTING, State.QUEUED]
    for job_id, state in zip(ids, states, strict=True):
        Generation.objects.filter(pk=job_id.removeprefix("job_")).update(state=state)

    def page(query: str) -> tuple[list[str], bool]:
        answer = program.get(f"/jobs?status=pending&{query}").json()
        return [job["id"] for job in answer["data"]], answer["has_more"]

    newest = ids[::-1]
    assert page("") == (newest, False)
    assert page("limit=2") == (newest[:2], True)
    assert page("limit=2&offset=1") == (newest[1:3], True)
    assert page(f"limit=2&after={newest[1]}") == (newest[2:], False)


@pytest.mark.parametrize("status", ["", "pending", "processing", "completed", "failed"])
def test_lists_are_read_by_index(program: Program, status: str) -> None:
    job_id = program.generate().json()["id"]
    for query in ("offset=1000", f"after={job_id}"):
        with listed_by_index(Generation):
            assert program.get(f"/jobs?status={status}&{query}").status_code == 200


def test_the_list_can_be_filtered_by_status(program: Program) -> None:
    first, second = program.generate().json()["id"], program.generate().json()["id"]
    program.delete(f"/jobs/{first}")

    def listed(status: str) -> list[str]:
        return [job["id"] for job in program.get(f"/jobs?status={status}").json()["data"]]

    statuses = ("pending", "processing", "completed", "failed")
    assert {status: listed(status) for status in statuses} == {
        "pending": [second],
        "processing": [],
        "completed": [],
        "failed": [first],
    }


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("limit=0", ["limit"]),
        ("limit=51", ["limit"]),
        ("limit=-1", ["limit"]),
        ("limit=ten", ["limit"]),
        ("limit=5.0", ["limit"]),
        ("limit=%D9%A5", ["limit"]),
        ("offset=-1", ["offset"]),
        ("offset=99999999999999999999", ["offset"]),
        ("status=queued", ["status"]),
        ("status=Pending&limit=x&offset=y", ["status", "limit", "offset"]),
    ],
)
def test_an_invalid_query_lists_every_problem(program: Program, query: str, params: list[str]) -> None:
    response = program.get(f"/jobs?{query}")
    assert response.status_code == 400
    assert [problem["param"] for problem in response.json()["error"]["details"]] == params


@pytest.mark.parametrize("count", [1, 3])
def test_a_lists_query_count_is_constant(
    test_program: Program,
    complete: Complete,
    count: int,
    django_assert_num_queries: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A turn of the minute would cost the query that clears old counts away.
    monkeypatch.setattr(rate_limits, "time", SimpleNamespace(time=lambda: 1_000_000_000.0))
    for _number in range(count):
        test_program.generate()
    for generation in Generation.objects.all():
        complete(generation)
    test_program.get("/jobs")
    # The key with its membership, its count of requests, the ids of the jobs, the jobs with their outputs, the balance.
    with django_assert_num_queries(5):
        assert len(test_program.get("/jobs").json()["data"]) == count


# --- Cancelling -------------------------------------------------------------------------------------------------------


def test_a_waiting_job_is_cancelled_with_a_full_refund(program: Program, workspace: Workspace) -> None:
    job_id = program.generate().json()["id"]
    response = program.delete(f"/jobs/{job_id}")
    assert response.status_code == 200
    job = response.json()
    assert (job["status"], job["error"], job["tchavi"]) == (
        "failed",
        {"code": "cancelled", "message": "Cancelled before work on it began."},
        {"credits_used": 1300, "credits_refunded": 1300},
    )
    assert response["X-Credits-Remaining"] == "10000"
    assert program.delete(f"/jobs/{job_id}").json() == job
    assert wallet_balance(workspace=workspace, book="sandbox") == 10_000


@pytest.mark.parametrize("state", [State.SUBMITTING, State.UNKNOWN, State.PROCESSING, State.SAVING])
def test_a_job_in_progress_cannot_be_cancelled(program: Program, state: State) -> None:
    job_id = program.generate().json()["id"]
    set_state(state)
    response = program.delete(f"/jobs/{job_id}")
    assert response.status_code == 409
    assert response.json()["error"] == {
        "code": "not_cancellable",
        "message": "This clip is already being made and can't be stopped. No credits moved. If it fails, it is "
        "refunded.",
        "status": 409,
    }


def test_a_finished_job_cannot_be_cancelled(program: Program) -> None:
    job_id = program.generate().json()["id"]
    fail_generation(only_generation().pk, code="timeout", message="It took too long.")
    response = program.delete(f"/jobs/{job_id}")
    assert response.status_code == 409
    assert response.json()["error"]["message"] == "This job has already ended. No credits moved."


# --- Waiting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=5", 5),
        ("respond-async, wait=10", 10),
        ("Wait = 7", 7),
        ('wait="3"', 3),
        ("wait=5;foo=bar, handling=lenient", 5),
        ("wait=61", 60),
        ("wait=0", 0),
        ("wait=-1", 0),
        ("wait=soon", 0),
        ("await=5", 0),
        ("", 0),
    ],
)
def test_the_requested_wait_is_read_from_the_header(prefer: str, seconds: int) -> None:
    assert waiting.requested_wait_seconds(prefer) == seconds


def end_it(_seconds: float) -> None:
    """What happens while a test "sleeps"."""
    fail_generation(only_generation().pk, code="timeout", message="It took too long.")


def test_an_answer_can_wait_for_the_job_to_end(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = program.generate().json()["id"]
    monkeypatch.setattr(time, "sleep", end_it)
    response = program.get(f"/jobs/{job_id}", Prefer="wait=30")
    assert response.json()["status"] == "failed"
    assert response["Preference-Applied"] == "wait=30"


def test_a_create_request_can_wait_and_still_answers_202(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", end_it)
    response = program.post("/videos/generations", {"model": "seedance-2", "prompt": "Dawn"}, Prefer="wait=30")
    assert response.status_code == 202
    assert response.json()["job"]["status"] == "failed"
    assert response["Preference-Applied"] == "wait=30"


def test_an_answer_waits_no_longer_than_requested(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(time, "sleep", sleep)
    job_id = program.generate().json()["id"]
    assert program.get(f"/jobs/{job_id}", Prefer="wait=30").json()["status"] == "pending"
    assert now == pytest.approx(1_030.0)


def test_without_a_free_slot_the_answer_is_immediate(program: Program) -> None:
    job_id = program.generate().json()["id"]
    for _slot in range(waiting.MAX_WAITERS):
        assert waiting._slots.acquire(blocking=False)
    try:
        began = datetime.now(UTC)
        response = program.get(f"/jobs/{job_id}", Prefer="wait=30")
        assert datetime.now(UTC) - began < timedelta(seconds=5)
    finally:
        for _slot in range(waiting.MAX_WAITERS):
            waiting._slots.release()
    assert response.json()["status"] == "pending"
    assert not response.has_header("Preference-Applied")
