"""Uploading references to the provider."""

from datetime import timedelta

import httpx
import pytest
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.engines.tchavi import TchaviEngine
from tchavi_studio.generations import services
from tchavi_studio.generations.models import RemoteFile, RemoteJob, State, UpstreamAccount
from tchavi_studio.generations.params import MediaReference
from tchavi_studio.generations.upstream import account, network, submission, transfers
from tchavi_studio.workspaces.models import User, Workspace
from tests.generations.test_tasks import photo
from tests.upstream.service import API_KEY, Upstream

from .conftest import BASE_URL, CHARGED, REFUNDED, Clock, Drive, Start, reloaded, waits_seconds
from .conftest import transfers as ledger_rows

pytestmark = pytest.mark.usefixtures("engine_in_this_process")


@pytest.fixture
def uploads(settings: Settings, upstream: Upstream, drive: Drive) -> None:
    """A studio without a public address, and a provider that takes uploads."""
    settings.STUDIO_PUBLIC_URL = ""
    upstream.set(takes_files=True)
    account.note_takes_files(True)


@pytest.fixture
def picture(workspace: Workspace, alice: User) -> MediaReference:
    return photo(workspace, alice, "red")


def upload_all() -> int:
    count = 0
    while (claim := transfers.claim_next_upload()) is not None:
        transfers.upload_claimed(claim)
        count += 1
    return count


def sendable() -> list[object]:
    return [clip.generation_id for clip in submission.sendable(now=timezone.now())]


def test_a_reference_is_uploaded_before_the_request_names_it(
    uploads: None, picture: MediaReference, start: Start, drive: Drive, upstream: Upstream, clock: Clock
) -> None:
    generation = start(image_url=picture)
    assert sendable() == []
    drive(1)
    assert upstream.jobs() == []
    assert upload_all() == 1
    (file,) = upstream.files
    (kept,) = RemoteFile.objects.all()
    assert (kept.asset_id, kept.base_url) == (picture.asset_id, BASE_URL)
    assert kept.url == f"http://upstream.test/files/{file.id}"
    assert kept.expires_at == timezone.now() + timedelta(days=1)
    clock.shift(0.001)
    drive(1)
    assert [job.params["image_url"] for job in upstream.jobs()] == [kept.url]
    assert reloaded(generation).state == State.PROCESSING


def test_a_shared_reference_is_uploaded_once(
    uploads: None, picture: MediaReference, start: Start, upstream: Upstream
) -> None:
    first, second = start(image_url=picture, last_frame_image_url=picture), start(reference_images=[picture])
    assert upload_all() == 1
    assert len(upstream.files) == 1
    assert sendable() == [first.pk, second.pk]


def test_an_upload_about_to_expire_is_repeated(
    uploads: None, picture: MediaReference, start: Start, upstream: Upstream, clock: Clock
) -> None:
    generation = start(image_url=picture)
    upload_all()
    clock.shift(23.5 * 3600 - 1)
    assert (sendable(), upload_all()) == ([generation.pk], 0)
    clock.shift(1)
    assert (sendable(), upload_all()) == ([], 1)
    assert sendable() == [generation.pk]
    assert len(upstream.files) == 2
    assert RemoteFile.objects.get().url.endswith(upstream.files[1].id)


def test_short_lived_uploads_are_not_repeated_endlessly(
    uploads: None, picture: MediaReference, start: Start, upstream: Upstream, clock: Clock
) -> None:
    generation = start(image_url=picture)
    upstream.set(link_seconds=600.0)
    assert upload_all() == 1
    clock.shift(5 * 60 - 1)
    assert (sendable(), upload_all()) == ([generation.pk], 0)
    clock.shift(1)
    assert (sendable(), upload_all()) == ([], 1)
    assert sendable() == [generation.pk]


def test_uploads_to_another_provider_do_not_count(
    uploads: None, picture: MediaReference, start: Start, settings: Settings, clock: Clock
) -> None:
    start(image_url=picture)
    upload_all()
    clock.shift(0.001)
    settings.STUDIO_PROVIDER_URL = "http://elsewhere.test/v1"
    account.upstream_account()
    account.note_takes_files(True)
    assert sendable() == []
    assert transfers.waiting_uploads().count() == 1


@pytest.mark.parametrize("expires_at", ["", None, "soon"])
def test_an_upload_without_an_expiry_lasts_twelve_hours(
    uploads: None, picture: MediaReference, start: Start, monkeypatch: pytest.MonkeyPatch, expires_at: object
) -> None:
    answer = httpx.MockTransport(
        lambda request: httpx.Response(201, json={"url": "https://x/1", "url_expires_at": expires_at})
    )
    monkeypatch.setattr(
        network, "open_engine", lambda: TchaviEngine(api_key=API_KEY, base_url=BASE_URL, transport=answer)
    )
    start(image_url=picture)
    upload_all()
    assert RemoteFile.objects.get().expires_at == timezone.now() + timedelta(hours=12)


def test_a_refused_file_fails_and_refunds_the_clip(
    uploads: None, picture: MediaReference, start: Start, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = {"error": {"code": "unsupported_media", "message": "No such pictures.", "status": 415}}
    answer = httpx.MockTransport(lambda request: httpx.Response(415, json=refusal))
    monkeypatch.setattr(
        network, "open_engine", lambda: TchaviEngine(api_key=API_KEY, base_url=BASE_URL, transport=answer)
    )
    generation = start(image_url=picture)
    assert upload_all() == 1
    row = reloaded(generation)
    assert (row.state, row.error_code, row.error_message) == (State.FAILED, "unsupported_media", "No such pictures.")
    assert (row.needs_review, ledger_rows(generation)) == (False, REFUNDED)


@pytest.mark.parametrize("kind", ["html_502", "drop_after_commit", "missing_fields", "rate_limit_exceeded"])
def test_a_failed_upload_is_retried(
    uploads: None, picture: MediaReference, start: Start, upstream: Upstream, clock: Clock, kind: str
) -> None:
    generation = start(image_url=picture)
    upstream.arm("upload", kind)
    assert upload_all() == 1
    assert (reloaded(generation).state, waits_seconds(generation)) == (State.QUEUED, 2)
    assert RemoteFile.objects.count() == 0
    clock.shift(60)
    assert upload_all() == 1
    assert (sendable(), ledger_rows(generation)) == ([generation.pk], CHARGED)


@pytest.mark.parametrize("kind", ["invalid_api_key", "insufficient_credits"])
def test_an_upload_refused_to_the_account_pauses_submissions(
    uploads: None, picture: MediaReference, start: Start, upstream: Upstream, kind: str
) -> None:
    generation = start(image_url=picture)
    upstream.arm("upload", kind)
    assert upload_all() == 1
    assert [pause.code for pause in account.account_pauses()] == [kind]
    assert (reloaded(generation).state, ledger_rows(generation)) == (State.QUEUED, CHARGED)


def test_uploads_stay_within_the_budget(
    uploads: None, picture: MediaReference, start: Start, upstream: Upstream
) -> None:
    generation = start(image_url=picture)
    UpstreamAccount.objects.update(tokens=0, counted_at=timezone.now())
    upload_all()
    assert (upstream.requests("upload"), waits_seconds(generation)) == ([], 2)


def test_a_clip_cancelled_during_its_upload_stays_cancelled(
    uploads: None, picture: MediaReference, start: Start, upstream: Upstream
) -> None:
    generation = start(image_url=picture)
    claim = transfers.claim_next_upload()
    assert claim is not None
    services.cancel_generation(generation=generation)
    transfers.upload_claimed(claim)
    assert (reloaded(generation).state, ledger_rows(generation)) == (State.CANCELLED, REFUNDED)
    assert (sendable(), transfers.claim_next_upload()) == ([], None)


def test_an_upload_that_lost_its_claim_fails_nothing(
    uploads: None, picture: MediaReference, start: Start, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = start(image_url=picture)
    late = transfers.claim_next_upload()
    assert late is not None
    clock.shift(21)
    assert transfers.claim_next_upload() is not None
    before = vars(reloaded(generation)) | {"_state": 0}
    transfers.upload_claimed(late)
    assert vars(reloaded(generation)) | {"_state": 0} == before


def test_nothing_is_uploaded_if_the_provider_can_open_links(
    picture: MediaReference, start: Start, upstream: Upstream, drive: Drive
) -> None:
    upstream.set(takes_files=True)
    account.note_takes_files(True)
    generation = start(image_url=picture)
    assert transfers.claim_next_upload() is None
    drive(1)
    assert reloaded(generation).state == State.PROCESSING
    assert upstream.files == []
    assert RemoteJob.objects.count() == 1
