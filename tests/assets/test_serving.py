"""Stored files over HTTP: whole and in ranges, once, to those who may, and never as a page."""

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core import signing
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.serving import UnsatisfiableRangeError, asked_range
from tchavi_studio.assets.signing import SALT, Variant, read_token, signed_media_path, signed_media_url
from tchavi_studio.workspaces.models import User, Workspace
from tests.assets.conftest import make_asset


@pytest.fixture
def asset(workspace: Workspace) -> Asset:
    return make_asset(workspace, "video")


def address(asset: Asset, variant: str = "file") -> str:
    return reverse("gallery:media", args=[asset.workspace.slug, asset.pk, variant])


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def content_of(asset: Asset) -> bytes:
    return Path(asset.file.path).read_bytes()


# --- To members -------------------------------------------------------------------------------------------------------


def test_a_member_gets_the_file(alice_browser: Client, asset: Asset) -> None:
    response = alice_browser.get(address(asset))
    assert (response.status_code, body(response)) == (200, content_of(asset))
    headers = response.headers
    assert headers["Content-Type"] == "video/mp4"
    assert headers["Content-Length"] == str(asset.byte_count)
    assert headers["Content-Disposition"] == 'inline; filename="video.mp4"'
    assert headers["Cache-Control"] == "private, max-age=604800"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
    )


@pytest.mark.parametrize("variant", ["thumbnail", "poster"])
def test_pictures_of_a_video(alice_browser: Client, asset: Asset, variant: str) -> None:
    response = alice_browser.get(address(asset, variant))
    assert (response.status_code, response.headers["Content-Type"]) == (200, "image/webp")
    assert body(response) == Path(getattr(asset, variant).path).read_bytes()


def test_what_is_not_there_is_404(alice_browser: Client, asset: Asset) -> None:
    tone = make_asset(asset.workspace, "audio")
    for path in (
        address(tone, "thumbnail"),
        address(tone, "poster"),
        address(asset, "original"),
        address(asset, "byte_count"),
        reverse("gallery:media", args=[asset.workspace.slug, uuid4(), "file"]),
    ):
        assert alice_browser.get(path).status_code == 404
    Path(asset.file.path).unlink()
    assert alice_browser.get(address(asset)).status_code == 404


def test_others_get_nothing(client: Client, asset: Asset, bob: User) -> None:
    assert client.get(address(asset)).status_code == 302
    client.force_login(bob)
    assert client.get(address(asset)).status_code == 404
    own_slug = bob.workspaces.get().slug
    assert client.get(reverse("gallery:media", args=[own_slug, asset.pk, "file"])).status_code == 404


def test_only_reading_is_allowed(alice_browser: Client, asset: Asset) -> None:
    for method in ("post", "put", "delete"):
        assert getattr(alice_browser, method)(address(asset)).status_code == 405


def test_download_has_a_readable_name(alice_browser: Client, asset: Asset) -> None:
    def disposition(name: str) -> str:
        Asset.objects.filter(pk=asset.pk).update(original_name=name)
        return alice_browser.head(address(asset) + "?download=1").headers["Content-Disposition"]

    assert disposition('l\'été "1".MOV') == "attachment; filename*=utf-8''l%27%C3%A9t%C3%A9%20%221%22.mp4"
    assert disposition("") == f'attachment; filename="clip-{asset.pk.hex[:8]}.mp4"'


def test_head_tells_and_sends_nothing(alice_browser: Client, asset: Asset) -> None:
    response = alice_browser.head(address(asset))
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Length"] == str(asset.byte_count)
    response = alice_browser.head(address(asset), headers={"Range": "bytes=0-9"})
    assert (response.status_code, response.content, response.headers["Content-Length"]) == (206, b"", "10")


def test_a_browser_that_has_it_is_not_sent_it_again(alice_browser: Client, asset: Asset) -> None:
    first = alice_browser.head(address(asset))
    etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    for conditions in (
        {"If-None-Match": etag},
        {"If-None-Match": f'W/"x", {etag}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": modified},
        {"If-None-Match": etag, "Range": "bytes=0-9"},
    ):
        response = alice_browser.get(address(asset), headers=conditions)
        assert (response.status_code, body(response)) == (304, b"")
        assert response.headers["ETag"] == etag
        assert response.headers["Cache-Control"] == "private, max-age=604800"
    for conditions in ({"If-None-Match": '"other"'}, {"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}):
        response = alice_browser.get(address(asset), headers=conditions)
        assert (response.status_code, body(response)) == (200, content_of(asset))
    assert alice_browser.head(address(asset, "poster")).headers["ETag"] != etag


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-", slice(0, None)),
        ("bytes=0-0", slice(0, 1)),
        ("bytes=0-1", slice(0, 2)),
        ("bytes=100-199", slice(100, 200)),
        ("bytes=-100", slice(-100, None)),
        ("bytes=-99999999", slice(0, None)),
        ("bytes=10-99999999", slice(10, None)),
    ],
)
def test_one_range(alice_browser: Client, asset: Asset, header: str, part: slice) -> None:
    whole = content_of(asset)
    response = alice_browser.get(address(asset), headers={"Range": header})
    start, stop, _ = part.indices(len(whole))
    assert (response.status_code, body(response)) == (206, whole[part])
    assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
    assert response.headers["Content-Length"] == str(stop - start)


@pytest.mark.parametrize("header", ["bytes=0-1,5-9", "bytes=5-2", "bytes=-", "bytes=a-b", "lines=0-1", "bytes", "0-1"])
def test_several_ranges_and_nonsense_give_the_whole(alice_browser: Client, asset: Asset, header: str) -> None:
    response = alice_browser.get(address(asset), headers={"Range": header})
    assert (response.status_code, body(response)) == (200, content_of(asset))


@pytest.mark.parametrize("header", ["bytes=99999999-", "bytes=99999999-999999999", "bytes=-0"])
def test_a_range_behind_the_end_is_416(alice_browser: Client, asset: Asset, header: str) -> None:
    response = alice_browser.get(address(asset), headers={"Range": header})
    assert (response.status_code, body(response)) == (416, b"")
    assert response.headers["Content-Range"] == f"bytes */{asset.byte_count}"


def test_the_first_byte_behind_the_end_is_exact() -> None:
    assert asked_range("bytes=9-", 10) == (9, 9)
    with pytest.raises(UnsatisfiableRangeError):
        asked_range("bytes=10-", 10)


def test_the_rest_of_a_changed_file_is_the_whole_file(alice_browser: Client, asset: Asset) -> None:
    etag = alice_browser.head(address(asset)).headers["ETag"]
    same = alice_browser.get(address(asset), headers={"Range": "bytes=5-", "If-Range": etag})
    assert (same.status_code, body(same)) == (206, content_of(asset)[5:])
    other = alice_browser.get(address(asset), headers={"Range": "bytes=5-", "If-Range": '"other"'})
    assert (other.status_code, body(other)) == (200, content_of(asset))


# --- By signed address ------------------------------------------------------------------------------------------------


def test_a_signed_address_needs_no_session(client: Client, asset: Asset) -> None:
    path = signed_media_path(asset, variant=Variant.FILE, expires_seconds=60)
    assert path.startswith("/media/")
    assert path.endswith("/file.mp4")
    response = client.get(path, headers={"Range": "bytes=0-9"})
    assert (response.status_code, body(response)) == (206, content_of(asset)[:10])
    assert response.headers["Cache-Control"] in ("private, max-age=60", "private, max-age=59")
    assert "Set-Cookie" not in response.headers


def test_a_signed_address_is_absolute_for_outsiders(asset: Asset, settings: Settings) -> None:
    settings.STUDIO_PUBLIC_URL = "https://studio.example.org"
    url = signed_media_url(asset, variant=Variant.POSTER, expires_seconds=60)
    assert url.startswith("https://studio.example.org/media/")
    assert url.endswith("/poster.webp")


def test_a_signed_address_can_name_the_download(client: Client, asset: Asset) -> None:
    path = signed_media_path(asset, variant=Variant.FILE, expires_seconds=60, download_name="Sunset.mp4")
    response = client.head(path)
    assert response.headers["Content-Disposition"] == 'attachment; filename="Sunset.mp4"'


def test_a_signed_address_ends(client: Client, asset: Asset, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    path = signed_media_path(asset, variant=Variant.FILE, expires_seconds=60)
    assert client.head(path).status_code == 200
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert client.head(path).status_code == 404


def test_a_signed_address_opens_nothing_else(client: Client, asset: Asset) -> None:
    path = signed_media_path(asset, variant=Variant.THUMBNAIL, expires_seconds=60)
    token = path.split("/")[2]
    altered = ("A" if token[5] != "A" else "B").join([token[:5], token[6:]])
    content = signing.loads(token, salt=SALT)
    of_another_purpose = signing.dumps(content, salt="another purpose")
    for forged in (altered, token[:-1], token + "x", of_another_purpose, "x", "a:b:c"):
        assert read_token(forged) is None
        assert client.head(f"/media/{forged}/file.mp4").status_code == 404
    # The name at the end says nothing: the token decides.
    assert client.head(f"/media/{token}/file.mp4").headers["Content-Type"] == "image/webp"


def test_a_deleted_asset_has_no_address(client: Client, asset: Asset) -> None:
    path = signed_media_path(asset, variant=Variant.FILE, expires_seconds=60)
    asset.delete()
    assert client.head(path).status_code == 404
