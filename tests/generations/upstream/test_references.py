"""How the provider gets references: by links, by uploads, or not at all."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.assets.models import Asset
from tchavi_studio.generations.models import Generation, RemoteFile
from tchavi_studio.generations.params import MediaReference
from tchavi_studio.generations.services import ReferencesUnreachableError
from tchavi_studio.generations.upstream import account
from tchavi_studio.generations.upstream.references import Route, reference_route, remote_request
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.workspaces.models import User, Workspace
from tests.generations.test_tasks import photo
from tests.upstream.service import Upstream

from .conftest import BASE_URL, Clock, Drive, Start


@pytest.fixture
def red(workspace: Workspace, alice: User) -> MediaReference:
    return photo(workspace, alice, "red")


@pytest.fixture
def blue(workspace: Workspace, alice: User) -> MediaReference:
    return photo(workspace, alice, "blue")


@pytest.mark.parametrize(
    ("public_url", "takes_files", "route"),
    [
        ("https://studio.example.org", None, Route.LINKS),
        ("https://studio.example.org", True, Route.LINKS),
        ("", True, Route.UPLOADS),
        ("http://192.168.1.4:8000", True, Route.UPLOADS),
        ("", False, Route.NONE),
        ("", None, Route.NONE),
        ("http://studio.local", None, Route.NONE),
    ],
)
def test_routes(
    clock: Clock, db: None, settings: Settings, public_url: str, takes_files: bool | None, route: Route
) -> None:
    settings.STUDIO_PUBLIC_URL = public_url
    account.upstream_account()
    if takes_files is not None:
        account.note_takes_files(takes_files)
    assert reference_route() == route


def test_unreachable_references_create_and_charge_nothing(
    start: Start, red: MediaReference, settings: Settings, workspace: Workspace
) -> None:
    settings.STUDIO_PUBLIC_URL = ""
    balance_credits = wallet_balance(workspace=workspace, book="live")
    with pytest.raises(ReferencesUnreachableError):
        start(image_url=red)
    assert Generation.objects.count() == 0
    assert wallet_balance(workspace=workspace, book="live") == balance_credits
    assert start().state == "queued", "text needs no way"


def test_links_to_references_work_for_a_day(
    start: Start, red: MediaReference, blue: MediaReference, client: Client, clock: Clock
) -> None:
    generation = start(reference_images=[red, blue], prompt="[Image1] becomes [Image2]")
    request = remote_request(generation)
    assert request is not None
    urls = [reference.url for reference in request.reference_images]
    assert [url.startswith("https://studio.example.org/") for url in urls] == [True, True]
    assert (request.first_frame, request.last_frame) == (None, None)

    def opened(url: str) -> bytes | None:
        response = client.get(urlsplit(url).path)
        return b"".join(response) if response.status_code == 200 else None

    for url, reference in zip(urls, (red, blue), strict=True):
        assert reference.asset_id is not None
        assert opened(url) == Path(Asset.objects.get(pk=reference.asset_id).file.path).read_bytes()
    clock.shift(24 * 3600 - 1)
    assert opened(urls[0]) is not None
    clock.shift(1)
    assert opened(urls[0]) is None


def test_frames_and_references_keep_their_order(start: Start, red: MediaReference, blue: MediaReference) -> None:
    request = remote_request(start(image_url=red, last_frame_image_url=blue))
    assert request is not None
    assert request.first_frame is not None
    assert request.last_frame is not None
    assert (request.first_frame.content_type, request.last_frame.content_type) == ("image/jpeg", "image/jpeg")
    assert request.first_frame.url != request.last_frame.url
    assert (request.first_frame.path, request.reference_images) == (None, ())


def test_requests_name_uploads_by_their_url(
    start: Start, red: MediaReference, blue: MediaReference, settings: Settings
) -> None:
    settings.STUDIO_PUBLIC_URL = ""
    account.upstream_account()
    account.note_takes_files(True)
    for reference, url in ((red, "https://there/red"), (blue, "https://there/blue")):
        assert reference.asset_id is not None
        RemoteFile.objects.create(
            asset_id=reference.asset_id,
            base_url=BASE_URL,
            url=url,
            expires_at=timezone.now() + timedelta(days=1),
        )
    request = remote_request(start(reference_images=[blue, red]))
    assert request is not None
    assert [reference.url for reference in request.reference_images] == ["https://there/blue", "https://there/red"]


# --- Whether files are taken ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("takes_files", [True, False])
def test_upload_support_is_asked_once(drive: Drive, upstream: Upstream, settings: Settings, takes_files: bool) -> None:
    settings.STUDIO_PUBLIC_URL = ""
    upstream.set(takes_files=takes_files)
    for _pump in range(3):
        drive.restart()
        drive(5, step_seconds=1)
    assert account.upstream_account().takes_files is takes_files
    assert [exchange.target for exchange in upstream.requests()] == ["/v1/files"]


def test_upload_support_is_not_asked_if_links_work(drive: Drive, upstream: Upstream) -> None:
    drive(5, step_seconds=1)
    assert upstream.requests() == []


def test_an_unclear_answer_about_uploads_is_not_asked_again(
    drive: Drive, upstream: Upstream, settings: Settings, start: Start
) -> None:
    """Servers answer unknown URLs with pages and redirects; that doesn't count as a failure of the provider."""
    settings.STUDIO_PUBLIC_URL = ""
    asked: list[str] = []
    original = drive.network._engine._client._http

    class Site(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/files"):
                asked.append(request.method)
                return httpx.Response(200, html="<html>Welcome</html>")
            response: httpx.Response = await original._transport.handle_async_request(request)
            return response

    drive.network._engine._client._http = httpx.AsyncClient(transport=Site())
    for _pump in range(3):
        drive.restart()
        drive(20, step_seconds=1)
    assert asked == ["GET"] * 3, "once for each pump"
    known = account.upstream_account()
    assert (known.takes_files, known.is_healthy, known.failure_count) == (None, True, 0)
    assert start().state == "queued"
    drive(1)
    assert len(upstream.jobs()) == 1
