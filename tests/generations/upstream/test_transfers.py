"""Fetching finished clips from the provider, and uploading references to it."""

import errno
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.engines.base import OutputExpiredError, UnavailableError
from tchavi_studio.engines.tchavi import TchaviEngine
from tchavi_studio.generations import services
from tchavi_studio.generations.models import AccountPause, Generation, RemoteFile, RemoteJob, State, UpstreamAccount
from tchavi_studio.generations.params import MediaReference
from tchavi_studio.generations.upstream import account, following, network, submission, transfers
from tchavi_studio.runtime import leases, slices
from tchavi_studio.runtime.leases import Claim
from tchavi_studio.workspaces.models import User, Workspace
from tests.generations.conftest import write_clip
from tests.generations.test_tasks import photo
from tests.upstream.service import API_KEY, Upstream
from tests.upstream.transport import UpstreamTransport

from .conftest import BASE_URL, CHARGED, REFUNDED, Clock, Drive, Start, job_of, reloaded
from .conftest import transfers as ledger_rows

Fetch = Callable[..., str]
GOOD_URL = "http://upstream.test/outputs/good.mp4"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_clip(tmp_path_factory.mktemp("film") / "film.mp4").read_bytes()


@pytest.fixture(autouse=True)
def engine_in_this_process(monkeypatch: pytest.MonkeyPatch, upstream: Upstream) -> None:
    """A transfer's requests go to the test's provider."""

    def open_engine() -> TchaviEngine:
        return TchaviEngine(api_key=API_KEY, base_url=BASE_URL, transport=UpstreamTransport(upstream))

    monkeypatch.setattr(network, "open_engine", open_engine)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, film: bytes) -> list[bytes | Exception]:
    """The results of the next downloads; after those, the whole clip. The engine's tests cover how downloads fail."""
    left: list[bytes | Exception] = []

    def fetch(url: str, path: Path, **_more: object) -> str:
        found = left.pop(0) if left else film
        if isinstance(found, Exception):
            raise found
        path.write_bytes(found)
        return "sha256"

    monkeypatch.setattr(transfers, "fetch_output", fetch)
    return left


@pytest.fixture
def done(start: Start, drive: Drive, upstream: Upstream) -> Generation:
    """A clip that the provider has finished, waiting for its download."""
    generation = start()
    drive(0.4)
    upstream.finish(upstream.jobs()[0].id)
    drive(4, step_seconds=1)
    assert reloaded(generation).state == State.SAVING
    return generation


def claimed() -> Claim[Generation]:
    claim = transfers.claim_next_download()
    assert claim is not None
    return claim


def leftovers(settings: Settings) -> list[Path]:
    return list(Path(settings.FILE_UPLOAD_TEMP_DIR).glob("download-*"))


def waits_seconds(generation: Generation) -> float:
    until = reloaded(generation).leased_until
    assert until is not None
    return (until - timezone.now()).total_seconds()


EXPIRED = OutputExpiredError("The address of the clip has expired.")
CUT = UnavailableError("The clip could not be fetched.")


# --- Finished clips ---------------------------------------------------------------------------------------------------


def test_a_finished_clip_is_fetched_verified_and_kept(
    done: Generation, served: list[bytes | Exception], film: bytes, settings: Settings
) -> None:
    claim = claimed()
    assert (claim.pk, claim.token) == (done.pk, reloaded(done).leased_by)
    transfers.download_claimed(claim)
    row = reloaded(done)
    assert (row.state, row.leased_until, row.error_code) == (State.COMPLETED, None, "")
    assert row.output is not None
    assert Path(row.output.file.path).read_bytes() == film
    assert ledger_rows(done) == CHARGED
    assert leftovers(settings) == []
    assert transfers.claim_next_download() is None


def test_a_download_is_claimed_once_and_again_after_its_lease(done: Generation, clock: Clock) -> None:
    first = claimed()
    assert transfers.claim_next_download() is None
    clock.shift(20.001)
    assert claimed().pk == first.pk
    assert first.rows.exists() is False


def test_a_full_workspace_still_gets_its_paid_clip(
    done: Generation, served: list[bytes | Exception], settings: Settings
) -> None:
    settings.STUDIO_WORKSPACE_QUOTA_BYTES = 1
    transfers.download_claimed(claimed())
    assert reloaded(done).state == State.COMPLETED


def test_an_expired_url_is_renewed(
    done: Generation, served: list[bytes | Exception], upstream: Upstream, clock: Clock
) -> None:
    before = job_of(done).output_url
    clock.shift(60)
    served.append(EXPIRED)
    transfers.download_claimed(claimed())
    after = job_of(done).output_url
    assert (after != before, after.startswith("http://upstream.test/outputs/")) == (True, True)
    assert [exchange.job_id for exchange in upstream.requests("job")] == [job_of(done).remote_id]
    assert waits_seconds(done) == 0
    clock.shift(0.001)
    transfers.download_claimed(claimed())
    assert (reloaded(done).state, ledger_rows(done)) == (State.COMPLETED, CHARGED)


@pytest.mark.parametrize("kind", ["html_502", "rate_limit_exceeded", "missing_fields", "invalid_api_key"])
def test_renewing_an_expired_url_is_retried(
    done: Generation, served: list[bytes | Exception], upstream: Upstream, clock: Clock, kind: str
) -> None:
    upstream.arm("job", kind)
    clock.shift(60)
    served += [EXPIRED, EXPIRED]
    transfers.download_claimed(claimed())
    assert (reloaded(done).state, waits_seconds(done)) == (State.SAVING, 2)
    assert AccountPause.objects.exists() is (kind == "invalid_api_key")
    clock.shift(60)
    transfers.download_claimed(claimed())
    clock.shift(1)
    transfers.download_claimed(claimed())
    assert (reloaded(done).state, ledger_rows(done)) == (State.COMPLETED, CHARGED)


def test_renewing_a_url_stays_within_the_budget(
    done: Generation, served: list[bytes | Exception], upstream: Upstream
) -> None:
    UpstreamAccount.objects.update(tokens=0, counted_at=timezone.now())
    served.append(EXPIRED)
    asked = len(upstream.requests())
    transfers.download_claimed(claimed())
    assert len(upstream.requests()) == asked
    assert (reloaded(done).state, waits_seconds(done)) == (State.SAVING, 2)


def test_renewing_the_url_of_a_failed_job_fails_the_clip(
    done: Generation, served: list[bytes | Exception], monkeypatch: pytest.MonkeyPatch, upstream: Upstream
) -> None:
    upstream.arm("job", "unknown_state", state="failed")
    served.append(EXPIRED)
    transfers.download_claimed(claimed())
    row = reloaded(done)
    assert (row.state, row.error_code) == (State.FAILED, "upstream_failed")
    assert ledger_rows(done) == REFUNDED


def test_failed_downloads_back_off_until_the_deadline(
    done: Generation, served: list[bytes | Exception], clock: Clock, settings: Settings
) -> None:
    served += [CUT] * 8
    waits = []
    for _attempt in range(8):
        transfers.download_claimed(claimed())
        waits.append(waits_seconds(done))
        assert transfers.claim_next_download() is None
        clock.shift(waits[-1] + 0.001)
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    assert (reloaded(done).state, ledger_rows(done), leftovers(settings)) == (State.SAVING, CHARGED, [])
    clock.shift(7200)
    assert following.fail_overdue() == 1
    row = reloaded(done)
    assert (row.state, row.needs_review, ledger_rows(done)) == (State.FAILED, True, REFUNDED)
    assert transfers.claim_next_download() is None


@pytest.mark.parametrize("damage", [lambda film: film[: len(film) // 2], lambda film: b"<html>"])
def test_a_damaged_clip_fails_after_four_downloads(
    done: Generation,
    served: list[bytes | Exception],
    film: bytes,
    clock: Clock,
    settings: Settings,
    damage: Callable[[bytes], bytes],
) -> None:
    served += [damage(film)] * 4
    for attempt in range(4):
        assert reloaded(done).state == State.SAVING, f"given up after {attempt}"
        transfers.download_claimed(claimed())
        clock.shift(60)
    row = reloaded(done)
    assert (row.state, row.error_code, row.needs_review) == (State.FAILED, "output_unreadable", True)
    assert (row.output, ledger_rows(done), leftovers(settings)) == (None, REFUNDED, [])


def test_a_clip_damaged_in_transit_is_fetched_again(
    done: Generation, served: list[bytes | Exception], film: bytes, clock: Clock
) -> None:
    served.append(film[:-1000])
    transfers.download_claimed(claimed())
    clock.shift(3)
    transfers.download_claimed(claimed())
    assert (reloaded(done).state, ledger_rows(done)) == (State.COMPLETED, CHARGED)


def test_connection_failures_do_not_count_as_damaged_downloads(
    done: Generation, served: list[bytes | Exception], film: bytes, clock: Clock
) -> None:
    """Three attempts lost the connection, which says nothing about the file; only the fourth brought a damaged one."""
    served += [CUT, CUT, CUT, film[:-1000]]
    for _attempt in range(4):
        transfers.download_claimed(claimed())
        clock.shift(60)
    assert reloaded(done).state == State.SAVING


def test_a_full_disk_only_delays_the_clip(
    done: Generation, served: list[bytes | Exception], clock: Clock, settings: Settings
) -> None:
    served.append(OSError(errno.ENOSPC, "No space left on device"))
    transfers.download_claimed(claimed())
    row = reloaded(done)
    assert (row.state, row.leased_until) == (State.SAVING, timezone.now() + timedelta(seconds=2))
    assert (ledger_rows(done), leftovers(settings)) == (CHARGED, [])
    clock.shift(3)
    transfers.download_claimed(claimed())
    assert reloaded(done).state == State.COMPLETED


def test_a_download_that_lost_its_claim_writes_nothing(
    done: Generation, film: bytes, clock: Clock, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    late = claimed()
    clock.shift(21)
    current = claimed()
    before = vars(reloaded(done)) | {"_state": 0}

    def fetch(url: str, path: Path, **_more: object) -> str:
        path.write_bytes(film)
        return "sha256"

    monkeypatch.setattr(transfers, "fetch_output", fetch)
    transfers.download_claimed(late)
    assert (vars(reloaded(done)) | {"_state": 0}, leftovers(settings)) == (before, [])
    transfers.download_claimed(current)
    assert reloaded(done).state == State.COMPLETED


@pytest.mark.parametrize("outcome", [EXPIRED, CUT, b"<html>"])
def test_failures_after_a_lost_claim_do_not_count(
    done: Generation,
    served: list[bytes | Exception],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    outcome: bytes | Exception,
) -> None:
    late = claimed()
    clock.shift(21)
    claimed()
    Generation.objects.update(attempt_count=4)
    before = vars(reloaded(done)) | {"_state": 0}
    monkeypatch.setattr(leases, "_renew", lambda claim: None)
    served.append(outcome)
    transfers.download_claimed(late)
    assert vars(reloaded(done)) | {"_state": 0} == before
    assert ledger_rows(done) == CHARGED


def test_a_slow_download_renews_its_lease(
    done: Generation, film: bytes, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.STUDIO_LEASE_SECONDS = 0.15
    renewed, renew = [], leases._renew

    def counted(claim: Claim[Generation]) -> None:
        renewed.append(claim)
        renew(claim)

    def fetch(url: str, path: Path, **_more: object) -> str:
        time.sleep(0.2)
        path.write_bytes(film)
        return "sha256"

    monkeypatch.setattr(leases, "_renew", counted)
    monkeypatch.setattr(transfers, "fetch_output", fetch)
    transfers.download_claimed(claimed())
    assert len(renewed) >= 2
    assert reloaded(done).state == State.COMPLETED


def test_a_stop_request_releases_a_stalled_download(
    done: Generation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: Clock
) -> None:
    def fetch(url: str, path: Path, **_more: object) -> str:
        (tmp_path / "stop").touch()
        time.sleep(1.2)
        raise CUT

    monkeypatch.setattr(transfers, "fetch_output", fetch)
    monkeypatch.setattr(slices, "stop_file", tmp_path / "stop")
    began = time.perf_counter()
    transfers.download_claimed(claimed())
    assert time.perf_counter() - began < 1.1
    assert (reloaded(done).state, waits_seconds(done)) == (State.SAVING, 0)


# --- References -------------------------------------------------------------------------------------------------------


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
    settings.TCHAVI_BASE_URL = "http://elsewhere.test/v1"
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
