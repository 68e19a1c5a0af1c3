"""Fetching finished clips from the provider."""

import errno
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.engines.base import OutputExpiredError, UnavailableError
from tchavi_studio.generations.models import AccountPause, Generation, State, UpstreamAccount
from tchavi_studio.generations.upstream import following, transfers
from tchavi_studio.runtime import leases, slices
from tchavi_studio.runtime.leases import Claim
from tests.generations.conftest import write_clip
from tests.upstream.service import Upstream

from .conftest import CHARGED, REFUNDED, Clock, Drive, Start, job_of, reloaded, waits_seconds
from .conftest import transfers as ledger_rows

pytestmark = pytest.mark.usefixtures("engine_in_this_process")

Fetch = Callable[..., str]
GOOD_URL = "http://upstream.test/outputs/good.mp4"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_clip(tmp_path_factory.mktemp("film") / "film.mp4").read_bytes()


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


EXPIRED = OutputExpiredError("The address of the clip has expired.")
CUT = UnavailableError("The clip could not be fetched.")


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
    renew, has_renewed = leases._renew, threading.Event()

    def noted(claim: Claim[Generation]) -> None:
        renew(claim)
        has_renewed.set()

    def fetch(url: str, path: Path, **_more: object) -> str:
        assert has_renewed.wait(20)
        path.write_bytes(film)
        return "sha256"

    monkeypatch.setattr(leases, "_renew", noted)
    monkeypatch.setattr(transfers, "fetch_output", fetch)
    transfers.download_claimed(claimed())
    assert reloaded(done).state == State.COMPLETED


def test_a_stop_request_releases_a_stalled_download(
    done: Generation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: Clock
) -> None:
    is_checked = threading.Event()

    def fetch(url: str, path: Path, **_more: object) -> str:
        (tmp_path / "stop").touch()
        is_checked.wait(20)
        raise CUT

    monkeypatch.setattr(transfers, "fetch_output", fetch)
    monkeypatch.setattr(slices, "stop_file", tmp_path / "stop")
    transfers.download_claimed(claimed())
    # A download that had been waited for would have been cut, and retried after a pause.
    assert (reloaded(done).state, waits_seconds(done)) == (State.SAVING, 0)
    is_checked.set()
