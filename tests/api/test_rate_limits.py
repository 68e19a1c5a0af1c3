"""Requests per minute, by key and by address, and the headers that show them."""

import threading
from types import SimpleNamespace

import pytest
from django.db import connections
from django.test import RequestFactory
from pytest_django import Settings

from tchavi_studio.api import rate_limits
from tchavi_studio.api.models import RequestCount
from tchavi_studio.api.services import CreatedKey, create_key
from tchavi_studio.workspaces.models import User, Workspace
from tests.api.conftest import Program
from tests.databases import Database


class Clock:
    """The time that the rate limits see."""

    def __init__(self) -> None:
        self.seconds = 1_000_000_020.0  # the start of a minute

    def time(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    assert clock.seconds % 60 == 0
    monkeypatch.setattr(rate_limits, "time", SimpleNamespace(time=clock.time))
    return clock


def test_a_key_has_a_limit_per_minute(program: Program, clock: Clock, settings: Settings) -> None:
    settings.STUDIO_API_RPM_PER_KEY = 3
    remaining = [program.get("/jobs")["X-RateLimit-RPM-Remaining"] for _number in range(3)]
    assert remaining == ["2", "1", "0"]

    clock.seconds += 18.5
    response = program.get("/jobs")
    assert response.status_code == 429
    assert response.json() == {
        "error": {
            "code": "user_rate_limit_exceeded",
            "message": "More than 3 requests in a minute. No credits moved: try again in 42 s.",
            "status": 429,
        }
    }
    assert response["Retry-After"] == "42"
    assert (response["X-RateLimit-RPM-Limit"], response["X-RateLimit-RPM-Remaining"]) == ("3", "0")

    clock.seconds += 41.5
    assert program.get("/jobs")["X-RateLimit-RPM-Remaining"] == "2"


def test_a_refused_request_costs_nothing(program: Program, clock: Clock, settings: Settings) -> None:
    settings.STUDIO_API_RPM_PER_KEY = 1
    assert [program.generate().status_code for _number in range(2)] == [202, 429]
    clock.seconds += 60
    assert program.get("/credits").json()["balance"] == 8_700


def test_keys_have_separate_limits(program: Program, test_program: Program, clock: Clock, settings: Settings) -> None:
    settings.STUDIO_API_RPM_PER_KEY = 1
    assert [program.get("/jobs").status_code, program.get("/jobs").status_code] == [200, 429]
    assert test_program.get("/jobs").status_code == 200


def test_an_address_has_one_limit_for_all_its_keys(
    program: Program, test_program: Program, clock: Clock, settings: Settings
) -> None:
    settings.STUDIO_API_RPM_PER_ADDRESS = 2
    assert [who.get("/jobs").status_code for who in (program, test_program, program)] == [200, 200, 429]
    error = program.get("/jobs").json()["error"]
    assert error["code"] == "rate_limit_exceeded"
    elsewhere = program.call("GET", "/jobs", REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 200


def test_guessing_keys_uses_up_the_addresss_limit(clock: Clock, settings: Settings, alice: User) -> None:
    settings.STUDIO_API_RPM_PER_ADDRESS = 2
    guesses = [Program(f"sk-tch_{number:012x}{'A' * 43}").get("/jobs") for number in range(4)]
    assert [guess.status_code for guess in guesses] == [401, 401, 429, 429]
    assert guesses[0]["X-RateLimit-RPM-Limit"] == "2"
    assert guesses[3]["Retry-After"] == "60"


def test_public_paths_count_too(clock: Clock, settings: Settings, db: None) -> None:
    settings.STUDIO_API_RPM_PER_ADDRESS = 1
    assert [Program("").get("/openapi.json").status_code for _number in range(2)] == [200, 429]


def test_old_counts_are_forgotten(program: Program, clock: Clock) -> None:
    program.call("GET", "/jobs", REMOTE_ADDR="192.0.2.7")
    clock.seconds += 120
    program.get("/jobs")
    assert set(RequestCount.objects.values_list("subject", flat=True)) == {
        "address 127.0.0.1",
        *RequestCount.objects.filter(subject__startswith="key ").values_list("subject", flat=True),
    }


@pytest.mark.parametrize(
    ("remote", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "unknown"),
    ],
)
def test_an_ipv6_network_counts_as_one_address(remote: str, counted: str) -> None:
    assert rate_limits.caller_address(RequestFactory().get("/v1/jobs", REMOTE_ADDR=remote)) == counted


def test_a_forwarded_address_is_trusted_only_from_a_configured_proxy(settings: Settings) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="127.0.0.1", headers={"X-Forwarded-For": "192.0.2.7, 192.0.2.8"})
    assert rate_limits.caller_address(request) == "127.0.0.1"
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert rate_limits.caller_address(request) == "192.0.2.8"
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 3
    assert rate_limits.caller_address(request) == "unknown", "it has come through fewer"


@pytest.mark.own_database
def test_no_request_is_lost_from_the_count(
    own_database: Database, alice: User, workspace: Workspace, clock: Clock
) -> None:
    keys = [create_key(workspace=workspace, user=alice, name=str(number)).row for number in range(2)]
    gate = threading.Barrier(10)

    def count(number: int) -> None:
        try:
            gate.wait()
            for _time in range(5):
                rate_limits.count_request(address="192.0.2.7", key=keys[number % 2])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=count, args=[number]) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dict(RequestCount.objects.values_list("subject", "count")) == {
        "address 192.0.2.7": 50,
        f"key {keys[0].pk.hex}": 25,
        f"key {keys[1].pk.hex}": 25,
    }


def test_a_key_that_is_no_longer_valid_is_limited_too(
    key: CreatedKey, program: Program, clock: Clock, settings: Settings
) -> None:
    from tchavi_studio.api.services import revoke_key

    settings.STUDIO_API_RPM_PER_KEY = 1
    revoke_key(key=key.row, actor=key.row.user)
    assert [program.get("/jobs").status_code for _number in range(2)] == [401, 429]
