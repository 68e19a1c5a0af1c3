"""Every error under `/v1` is the contract's JSON, never a page."""

from typing import Any

import pytest
from django.test import Client

from tchavi_studio.api import views
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.models import User
from tests.api.conftest import Program

MOUNTS = ("/v1", "/api/v1")


def error_of(response: Any) -> dict[str, Any]:
    """The error in an answer, after checking that it contains nothing else and the right status."""
    assert response["Content-Type"] == "application/json"
    assert response["X-Request-Id"].startswith("req_")
    body = response.json()
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    assert error["status"] == response.status_code
    assert set(error) <= {"code", "message", "status", "param", "details"}
    return error


@pytest.mark.parametrize("mount", MOUNTS)
@pytest.mark.parametrize("path", ["/", "/nothing", "/jobs/", "/videos/generations/", "/jobs/a/b/c", "/%FF", "/<x>"])
def test_an_unknown_address_is_404(program: Program, mount: str, path: str) -> None:
    for caller in (Program("", base=mount), Program(program.key, base=mount)):
        assert error_of(caller.get(path))["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/videos/generations", "POST"),
        ("PUT", "/videos/generations", "POST"),
        ("DELETE", "/videos/quote", "POST"),
        ("POST", "/jobs", "GET"),
        ("OPTIONS", "/jobs", "GET"),
        ("PATCH", "/jobs/job_1", "GET, DELETE"),
        ("POST", "/jobs/job_1", "GET, DELETE"),
        ("GET", "/files", "POST"),
        ("POST", "/credits", "GET"),
        ("POST", "/models", "GET"),
        ("POST", "/openapi.json", "GET"),
        ("QUERY", "/models", "GET"),
    ],
)
def test_a_wrong_method_is_405_with_the_allowed_ones(program: Program, method: str, path: str, allowed: str) -> None:
    response = program.call(method, path)
    assert response.status_code == 405
    assert response["Allow"] == allowed
    assert error_of(response) == {
        "code": "method_not_allowed",
        "message": f"This address only accepts {allowed}.",
        "status": 405,
    }


def test_head_is_answered_like_get(program: Program) -> None:
    response = program.call("HEAD", "/jobs")
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("mount", MOUNTS)
def test_a_server_error_is_500_without_details(
    program: Program, mount: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: object, **options: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(views, "job_page", broken)
    program.base = mount
    response = program.get("/jobs")
    error = error_of(response)
    assert (error["code"], error["status"]) == ("internal_error", 500)
    assert "secret" not in response.content.decode()
    assert response["X-Request-Id"] in caplog.text
    assert program.key not in caplog.text


@pytest.mark.parametrize("mount", MOUNTS)
def test_an_unknown_host_name_is_refused_as_json(mount: str, db: None) -> None:
    response = Client(raise_request_exception=False).get(f"{mount}/jobs", headers={"Host": "evil.example"})
    assert error_of(response)["code"] == "invalid_request"


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, "invalid_request", "The request can't be answered. No credits moved."),
        (408, "request_timeout", "The body arrived too slowly. No credits moved: send it again."),
        (413, "payload_too_large", "The body is too large. No credits moved."),
        (414, "uri_too_long", "The address is too long. No credits moved."),
        (431, "headers_too_large", "The headers are too large. No credits moved."),
        (501, "not_implemented", "The only transfer encoding is chunked. No credits moved."),
    ],
)
def test_what_the_web_server_refuses_is_json(db: None, status: int, code: str, message: str) -> None:
    response = Client().post("/v1/videos/generations", **{"studio.refusal": status})  # type: ignore[arg-type]
    assert error_of(response) == {"code": code, "message": message, "status": status}


def test_pages_keep_their_own_errors(alice: User) -> None:
    response = Client().get("/nothing")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


def test_csrf_is_not_needed_because_cookies_are_ignored(alice: User) -> None:
    """CSRF checks are off under `/v1`, because it ignores the browser's cookies."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    response = browser.post("/v1/videos/generations", {"model": "seedance-2"}, content_type="application/json")
    assert error_of(response)["code"] == "invalid_api_key"


class Refused(UserFacingError):
    """A refusal for which `/v1` has no specific code."""


def test_other_refusals_keep_their_message(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise Refused("Not today. No credits moved. Come back tomorrow.")

    monkeypatch.setattr(views, "job_page", refuse)
    assert error_of(program.get("/jobs")) == {
        "code": "invalid_request",
        "message": "Not today. No credits moved. Come back tomorrow.",
        "status": 400,
    }
