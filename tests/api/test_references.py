"""Reference URLs and uploads are fetched and probed before the charge; every failed fetch has the same message."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from pytest_django import Settings

from tchavi_studio.assets import services
from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.services import FETCHES, PROBES
from tchavi_studio.generations.models import Generation
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.workspaces.models import Workspace
from tests.api.conftest import BODY, Program, only_generation

ADDRESS_REFUSED = (
    "The file couldn't be fetched from this URL. It must be a public http or https URL that leads straight to the "
    "file. Nothing was stored."
)


def picture(colour: str, width: int = 320, height: int = 300) -> bytes:
    file = BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


class Pictures(BaseHTTPRequestHandler):
    """`/<colour>.png` is a picture, everything else a 404."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        colour = self.path.removeprefix("/").removesuffix(".png")
        body = picture(colour) if colour in ("red", "gold") else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def pictures(settings: Settings) -> Iterator[str]:
    """The URL of a loopback server that the operator has allowed."""
    Pictures.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    host, port = str(server.server_address[0]), server.server_address[1]
    settings.STUDIO_OUTBOUND_ALLOW = (f"{host}:{port}",)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    yield f"http://{host}:{port}"
    server.shutdown()
    thread.join()
    server.server_close()


def problems(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 400, response.content
    listed: list[dict[str, Any]] = response.json()["error"]["details"]
    return listed


def test_urls_are_fetched_once_and_become_references(program: Program, pictures: str) -> None:
    urls = [f"{pictures}/red.png", f"{pictures}/gold.png", f"{pictures}/red.png"]
    response = program.generate(prompt="[Image1] meets [Image2] and [Image3]", reference_images=urls)
    assert response.status_code == 202
    used = only_generation().references.order_by("position")
    assert [(reference.role, reference.position) for reference in used] == [
        ("reference_image", 1),
        ("reference_image", 2),
        ("reference_image", 3),
    ]
    assert Pictures.asked == ["/red.png", "/gold.png"]
    assert Asset.objects.count() == 2


def test_the_answer_says_which_url_failed(program: Program, workspace: Workspace, pictures: str) -> None:
    urls = [f"{pictures}/red.png", f"{pictures}/nothing.png"]
    response = program.generate(reference_images=urls, duration=99)
    assert problems(response) == [
        {
            "param": "duration",
            "code": "out_of_range",
            "message": "The duration must be a whole number of seconds from 1 to 15, or −1 for auto.",
        },
        {
            "param": "reference_images",
            "index": 1,
            "code": "address_refused",
            "message": f"reference_images[1]: {ADDRESS_REFUSED}",
        },
    ]
    assert not Generation.objects.exists()
    assert wallet_balance(workspace=workspace, book="sandbox") == 10_000


def test_every_failed_fetch_gets_the_same_refusal(program: Program, pictures: str) -> None:
    """A closed port, an open port that isn't allowed, a 404, an unknown host name, and an invalid URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        open_port = listening.getsockname()[1]
        answers = [
            program.generate(image_url=url).json()
            for url in (
                "http://127.0.0.1:1/x.png",
                f"http://127.0.0.1:{open_port}/x.png",
                f"{pictures}/nothing.png",
                "http://[::1]/x.png",
                "http://169.254.169.254/latest/meta-data/",
                "file:///etc/passwd",
                "http://[broken",
                "nonsense",
            )
        ]
    assert answers[0]["error"]["details"] == [
        {"param": "image_url", "code": "address_refused", "message": f"image_url: {ADDRESS_REFUSED}"}
    ]
    assert all(answer == answers[0] for answer in answers)


def test_a_reference_of_the_wrong_kind_is_named(program: Program, pictures: str) -> None:
    response = program.generate(reference_videos=[f"{pictures}/red.png"])
    assert problems(response) == [
        {
            "param": "reference_videos",
            "code": "wrong_kind",
            "message": "reference_videos[0] isn't a video. Only videos can be used here.",
        }
    ]


def test_an_overlong_list_is_not_fetched(program: Program, pictures: str) -> None:
    response = program.generate(reference_images=[f"{pictures}/red.png"] * 10)
    assert [problem["code"] for problem in problems(response)] == ["too_many"]
    assert Pictures.asked == []


def test_a_quote_checks_the_references_too(program: Program, pictures: str) -> None:
    body = {"model": "seedance-2", "prompt": "Waves", "image_url": f"{pictures}/nothing.png"}
    assert problems(program.post("/videos/quote", body))[0]["code"] == "address_refused"


def test_only_a_few_links_are_fetched_at_once(program: Program) -> None:
    with ExitStack() as held:
        for number in range(FETCHES.size):
            held.enter_context(FETCHES.place(owner=f"somebody else {number}"))
        response = program.generate(image_url="http://127.0.0.1:1/x.png")
        assert program.generate().status_code == 202
    assert response.status_code == 429
    assert response.json()["error"]["code"] == "rate_limit_exceeded"
    assert response["Retry-After"] == "5"
    assert Generation.objects.count() == 1


# --- Uploads ----------------------------------------------------------------------------------------------------------


def upload(program: Program, content: bytes, name: str = "gold.png") -> Any:
    return program.upload("/files", file=SimpleUploadedFile(name, content, "image/png"))


def test_an_upload_that_must_wait_for_too_long_is_told_to_come_back(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "PROBE_WAIT_SECONDS", 0)
    with PROBES.place(), PROBES.place():
        response = upload(program, picture("gold"))
    assert (response.status_code, response["Retry-After"]) == (429, "5")
    assert response.json()["error"]["message"] == (
        "Too many files are being examined right now. Nothing was stored and no credits moved: try again in 5 s."
    )
    assert Asset.objects.count() == 0


def test_an_upload_returns_a_url_that_works_as_any_reference(program: Program) -> None:
    response = upload(program, picture("gold"))
    assert response.status_code == 201
    record = response.json()
    asset = Asset.objects.get()
    url, _expires = record.pop("url"), record.pop("url_expires_at")
    assert record == {
        "id": f"file_{asset.pk.hex}",
        "kind": "image",
        "content_type": asset.content_type,
        "byte_count": asset.byte_count,
        "width": 320,
        "height": 300,
        "duration": None,
        "needs_trim": False,
    }
    assert program.generate(image_url=url).status_code == 202
    assert only_generation().references.get().asset == asset


@pytest.mark.parametrize("public_url", ["", "https://studio.example.org"])
def test_the_studios_own_urls_need_no_fetch(
    program: Program, settings: Settings, public_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STUDIO_PUBLIC_URL = public_url
    url = upload(program, picture("gold")).json()["url"]
    assert url.startswith(public_url or "http://testserver/")
    monkeypatch.setattr("tchavi_studio.assets.services.fetch_to_file", pytest.fail)
    assert program.generate(image_url=url).status_code == 202


def test_another_workspaces_url_isnt_a_reference(program: Program, bobs_program: Program) -> None:
    url = upload(bobs_program, picture("gold")).json()["url"]
    response = program.generate(image_url=url)
    assert problems(response) == [
        {"param": "image_url", "code": "address_refused", "message": f"image_url: {ADDRESS_REFUSED}"}
    ]


def test_a_clip_can_be_a_reference(program: Program, complete: Any) -> None:
    job_id = program.generate().json()["id"]
    complete(only_generation())
    url = program.get(f"/jobs/{job_id}").json()["output"]["video_url"]
    response = program.generate(reference_videos=[url])
    assert response.status_code == 202


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty_file"), (b"#!/bin/sh", "unsupported_type"), (picture("red", 100, 100), "side_too_short")],
)
def test_an_unusable_file_is_refused_with_a_reason(program: Program, content: bytes, code: str) -> None:
    response = upload(program, content)
    assert [(problem["param"], problem["code"]) for problem in problems(response)] == [("file", code)]
    assert response.json()["error"]["message"].endswith("Nothing was stored.")
    assert not Asset.objects.exists()


def test_an_upload_without_a_file_is_refused(program: Program) -> None:
    response = program.upload("/files", data="text")
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "file"


def test_an_upload_must_be_multipart(program: Program) -> None:
    response = program.post("/files", {"file": "x"})
    assert response.status_code == 415
    assert response.json()["error"]["code"] == "unsupported_media_type"


def test_a_broken_multipart_body_is_refused(program: Program) -> None:
    response = program.call("POST", "/files", data=b"nonsense", content_type="multipart/form-data")
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_request"


def test_an_upload_declared_too_large_is_413_unread(program: Program) -> None:
    response = program.call(
        "POST",
        "/files",
        data=b"x",
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(51 * 1024**2),
    )
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "payload_too_large"


# --- Out of the provider's reach --------------------------------------------------------------------------------------

UNREACHABLE = {
    "error": {
        "code": "references_unreachable",
        "message": "The provider can't fetch reference files from this studio, because it has no public address. No "
        "credits moved. Ask the site's admin to set STUDIO_PUBLIC_URL, or make the clip from text alone.",
        "status": 400,
    }
}


@pytest.mark.parametrize("path", ["/videos/generations", "/videos/quote"])
def test_unreachable_references_are_refused_before_the_charge(
    program: Program, workspace: Workspace, settings: Settings, path: str
) -> None:
    url = program.upload("/files", file=SimpleUploadedFile("a.png", picture("red"))).json()["url"]
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    settings.STUDIO_PUBLIC_URL = "http://127.0.0.1:8000"
    grant_credits(workspace=workspace, book="live", amount_credits=5_000, reason="for the test")
    body = {**BODY, "reference_images": [url]}
    response = program.post(path, body, **{"Idempotency-Key": "one"})
    assert (response.status_code, response.json()) == (400, UNREACHABLE)
    assert Generation.objects.count() == 0
    assert wallet_balance(workspace=workspace, book="live") == 5_000
    # The key is free again: once there is a way, the same request goes through.
    settings.STUDIO_PUBLIC_URL = "https://studio.example.org"
    assert program.post(path, body, **{"Idempotency-Key": "one"}).status_code in (200, 202)


def test_a_test_keys_preview_can_use_any_reference(test_program: Program, settings: Settings) -> None:
    url = test_program.upload("/files", file=SimpleUploadedFile("a.png", picture("red"))).json()["url"]
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    settings.STUDIO_PUBLIC_URL = "http://127.0.0.1:8000"
    body = {**BODY, "reference_images": [url]}
    assert test_program.post("/videos/quote", body).json()["credits"] == 0
    assert test_program.post("/videos/generations", body).status_code == 202
