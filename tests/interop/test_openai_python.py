"""The public `openai` package for Python calls the API, reads its errors and respects its limits."""

import re
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.interop.conftest import ServedApi

pytestmark = [pytest.mark.own_database, pytest.mark.one_database, pytest.mark.processes]

BODY = {"model": "seedance-2", "prompt": "A paper boat in the rain"}
"""1,300 credits."""


@pytest.fixture
def client(served_api: ServedApi) -> Iterator[openai.OpenAI]:
    """The client of a program that only changed the base URL and the key."""
    with openai.OpenAI(base_url=served_api.base_url, api_key=served_api.live_key) as client:
        yield client


def generate(client: openai.OpenAI, **changes: Any) -> dict[str, Any]:
    job: dict[str, Any] = client.post("/videos/generations", body={**BODY, **changes}, cast_to=dict[str, Any])
    return job


def test_the_openai_package_makes_and_follows_a_job(client: openai.OpenAI) -> None:
    accepted = generate(client)
    job = client.get(f"/jobs/{accepted['id']}", cast_to=dict[str, Any])
    assert job["id"] == accepted["id"] == accepted["job"]["id"]
    assert (job["status"], job["model"], job["tchavi"]) == ("pending", "seedance-2", {"credits_used": 1300})
    assert [model.id for model in client.models.list()] == ["seedance-2", "kling-v3"]


def test_the_openai_package_reads_errors(client: openai.OpenAI) -> None:
    generate(client, duration=15, resolution="720p")
    with pytest.raises(openai.APIStatusError) as refusal:
        generate(client, duration=15, resolution="720p")
    poor = refusal.value
    assert (poor.status_code, poor.code) == (402, "insufficient_credits")
    assert "This needs 8,700 credits, but the wallet holds only 1,300. No credits moved." in poor.message
    assert poor.request_id is not None
    assert re.fullmatch(r"req_[0-9a-f]{24}", poor.request_id)

    with pytest.raises(openai.BadRequestError) as refusal:
        generate(client, duration=99)
    assert (refusal.value.code, refusal.value.param) == ("invalid_request", "duration")
    with pytest.raises(openai.NotFoundError) as refusal:
        client.get("/jobs/job_1", cast_to=dict[str, Any])
    assert refusal.value.code == "not_found"
    with pytest.raises(openai.AuthenticationError) as refusal:
        generate(client.with_options(api_key="sk-tch_nobody"))
    assert refusal.value.code == "invalid_api_key"


def test_the_openai_package_honours_retry_after(client: openai.OpenAI, three_requests_a_minute: None) -> None:
    for _request in range(3):
        assert client.models.with_raw_response.list().retries_taken == 0
    began = time.monotonic()
    answer = client.models.with_raw_response.list()
    assert time.monotonic() - began >= 1
    assert (answer.retries_taken, answer.headers["X-RateLimit-RPM-Remaining"]) == (1, "2")
