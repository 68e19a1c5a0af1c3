"""Bodies that are too large, too odd, or from nobody: they stop at the header, or at the largest size allowed."""

import io
import json
import sys
from collections.abc import Iterator

import pytest
from PIL import Image

from tests.attack.attacked import AttackedStudio

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.processes,
]
MEGABYTE = 1024 * 1024
MULTIPART = "multipart/form-data; boundary=b"
DECLARED = "400000000"


def pieces(megabytes: int) -> Iterator[bytes]:
    """A file in a multipart body."""
    yield b'--b\r\nContent-Disposition: form-data; name="new-files"; filename="a.mp4"\r\n\r\n'
    for _ in range(megabytes):
        yield bytes(MEGABYTE)


def chunked(parts: Iterator[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield b"%x\r\n" % len(part) + part + b"\r\n"
    yield b"0\r\n\r\n"


@pytest.mark.parametrize("path", ["/accounts/login/", "/nowhere/", "/w/{slug}/gallery/", "/v1/jobs"])
def test_400_mb_to_an_address_that_takes_no_files(studio: AttackedStudio, path: str) -> None:
    start = f"POST {path.format(slug=studio.workspace.slug)} HTTP/1.1".encode()
    written_before = studio.written_bytes()
    whole = studio.ask(start, pieces(400), Content_Type=MULTIPART, Content_Length=DECLARED, Cookie=studio.cookie)
    unsized = studio.ask(start, chunked(pieces(400)), Content_Type=MULTIPART, Transfer_Encoding="chunked")
    assert (whole.status, unsized.status) == (413, 413)
    assert max(whole.sent_bytes, unsized.sent_bytes) < 40 * MEGABYTE
    # A form is as large as any address allows.
    assert studio.written_bytes() - written_before < 3 * MEGABYTE
    if path.startswith("/v1/"):
        message = "The body is too large. No credits moved."
        assert json.loads(whole.body) == {"error": {"code": "payload_too_large", "message": message, "status": 413}}
    else:
        assert "That is too large" in whole.body.decode()


@pytest.mark.parametrize("size", [{"Content_Length": "20000000"}, {"Transfer_Encoding": "chunked"}])
def test_files_from_nobody(studio: AttackedStudio, size: dict[str, str]) -> None:
    written_before = studio.written_bytes()
    path = f"/w/{studio.workspace.slug}/create/upload/"
    # With the cookie, a CSRF check looks for the token in the body.
    cookie = f"csrftoken={'x' * 32}"
    page = studio.ask(f"POST {path} HTTP/1.1".encode(), pieces(20), Content_Type=MULTIPART, Cookie=cookie, **size)
    assert page.status == 403
    assert "Your session has expired" in page.body.decode()
    api = studio.ask(b"POST /v1/files HTTP/1.1", pieces(20), Content_Type=MULTIPART, **size)
    assert api.status == 401
    assert json.loads(api.body)["error"]["code"] == "invalid_api_key"
    assert studio.written_bytes() - written_before < MEGABYTE


def test_a_member_sends_no_more_than_the_largest_file(studio: AttackedStudio) -> None:
    path = f"/w/{studio.workspace.slug}/create/upload/"
    start = f"POST {path} HTTP/1.1".encode()
    declared = studio.ask(start, pieces(9), Content_Type=MULTIPART, Content_Length=DECLARED, Cookie=studio.cookie)
    assert declared.status == 413
    endless = studio.ask(
        start, chunked(pieces(400)), Content_Type=MULTIPART, Transfer_Encoding="chunked", Cookie=studio.cookie
    )
    assert endless.status == 413
    assert endless.sent_bytes < 100 * MEGABYTE


def test_chunked_bodies_arrive(studio: AttackedStudio) -> None:
    bearer = {"Authorization": f"Bearer {studio.key}", "Transfer_Encoding": "chunked"}
    clip = json.dumps({"model": "seedance-2", "prompt": "A boat"}).encode()
    quote = studio.ask(
        b"POST /v1/videos/quote HTTP/1.1",
        chunked(iter([clip[:9], clip[9:]])),
        Content_Type="application/json",
        **bearer,
    )
    assert quote.status == 200, quote.body
    picture = io.BytesIO()
    Image.new("RGB", (1200, 1200)).save(picture, "BMP")
    parts = [b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.bmp"\r\n\r\n', picture.getvalue()]
    stored = studio.ask(
        b"POST /v1/files HTTP/1.1", chunked(iter([*parts, b"\r\n--b--\r\n"])), Content_Type=MULTIPART, **bearer
    )
    assert stored.status == 201, stored.body

    page = studio.ask(b"GET /accounts/login/ HTTP/1.1", [])
    token = page.body.decode().partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    cookie = page.header.partition("csrftoken=")[2].partition(";")[0]
    form = f"csrfmiddlewaretoken={token}&login=nobody@example.org&password=guess".encode()
    signed_in = studio.ask(
        b"POST /accounts/login/ HTTP/1.1",
        chunked(iter([form[:20], form[20:]])),
        Content_Type="application/x-www-form-urlencoded",
        Transfer_Encoding="chunked",
        Cookie=f"csrftoken={cookie}",
    )
    assert signed_in.status == 200
    assert "password you specified are not correct" in signed_in.body.decode()


@pytest.mark.parametrize(
    ("start", "headers", "status", "code"),
    [
        (b"GET /v1/jobs?" + b"x" * 20_000 + b" HTTP/1.1", {}, 414, "uri_too_long"),
        (b"GET /v1/jobs?" + b"x" * 200_000 + b" HTTP/1.1", {}, 414, "uri_too_long"),
        (b"GET /v1/jobs HTTP/1.1", {"X": "x" * 100_000}, 431, "headers_too_large"),
        (b"POST /v1/videos/quote HTTP/1.1", {"Content_Length": "many"}, 400, "invalid_request"),
        (b"POST /v1/videos/quote HTTP/1.1", {"Content_Length": "-5"}, 400, "invalid_request"),
        (b"POST /api/v1/files HTTP/1.1", {"Transfer_Encoding": "gzip"}, 501, "not_implemented"),
    ],
)
def test_what_the_server_cannot_read_is_json_under_v1(
    studio: AttackedStudio, start: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = studio.ask(start, [], **headers)
    assert answer.status == status
    assert "Content-Type: application/json" in answer.header
    assert "X-Request-Id: req_" in answer.header
    assert json.loads(answer.body)["error"]["code"] == code
    page = studio.ask(start.replace(b"/api", b"").replace(b"/v1/", b"/gallery/"), [], **headers)
    assert page.status == status
    assert "Nothing changed and no credits moved. Go back and try again." in page.body.decode()


def test_ranges_of_a_clip(studio: AttackedStudio) -> None:
    start = f"GET {studio.add_clip(3_000_000)} HTTP/1.1".encode()
    part = studio.ask(start, [], Range="bytes=1000000-")
    assert (part.status, len(part.body)) == (206, 2_000_000)
    assert "Content-Range: bytes 1000000-2999999/3000000" in part.header
    assert studio.ask(start, [], Range="bytes=3000000-").status == 416
    assert len(studio.ask(start, []).body) == 3_000_000
