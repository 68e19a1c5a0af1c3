"""A clock that was set back: nothing waits for the time that it had shown."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import time_machine

from tchavi_studio.generations import lifecycle
from tchavi_studio.generations.clock import LONGEST_WAIT, bring_back_moments
from tchavi_studio.generations.models import AccountPause, Generation, PumpSlot, RemoteJob, State, UpstreamAccount
from tchavi_studio.generations.tasks import clean_up
from tchavi_studio.generations.upstream.following import LATE_LOOK_INTERVAL
from tests.plans import listed_by_index

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOURS = timedelta(hours=5)
LEASE = timedelta(seconds=20)


def test_a_clip_goes_on_within_a_lease_after_its_worker_died_in_the_future(start: Callable[..., Generation]) -> None:
    with time_machine.travel(NOW + HOURS, tick=False) as clock:
        clip = start()
        dead = lifecycle.claim_next_render()
        assert dead is not None
        clock.move_to(NOW)
        clean_up()
        assert Generation.objects.get(pk=clip.pk).leased_until == NOW + LEASE
        clock.shift(LEASE)
        assert lifecycle.rescue_abandoned_renders() == 1
        again = lifecycle.claim_next_render()
        assert again is not None
        assert again.pk == clip.pk


def test_a_living_worker_keeps_its_clip(start: Callable[..., Generation]) -> None:
    with time_machine.travel(NOW + HOURS, tick=False) as clock:
        start()
        alive = lifecycle.claim_next_render()
        assert alive is not None
        clock.move_to(NOW)
        clean_up()
        assert lifecycle.rescue_abandoned_renders() == 0
        assert alive.renew() is True


def test_every_lease_and_wait_is_shortened_to_its_longest(start: Callable[..., Generation]) -> None:
    with time_machine.travel(NOW, tick=False):
        held, waiting = start(), start()
        Generation.objects.filter(pk=held.pk).update(
            state=State.PROCESSING, leased_by=uuid4(), leased_until=NOW + HOURS
        )
        Generation.objects.filter(pk=waiting.pk).update(leased_until=NOW + HOURS)
        job = RemoteJob.objects.create(
            reference=held.pk,
            generation=held,
            attempt_id=uuid4(),
            remote_id="job_1",
            sent_at=NOW,
            leased_by=uuid4(),
            leased_until=NOW + HOURS,
            poll_at=NOW + HOURS,
        )
        PumpSlot.objects.update_or_create(number=0, defaults={"leased_by": uuid4(), "leased_until": NOW + HOURS})
        UpstreamAccount.objects.create(pk=1, counted_at=NOW + HOURS, blocked_until=NOW + HOURS)
        AccountPause.objects.create(code="x", message="x", try_again_at=NOW + HOURS)
        with listed_by_index(Generation, RemoteJob):
            assert bring_back_moments() == 8
        held.refresh_from_db()
        waiting.refresh_from_db()
        job.refresh_from_db()
        assert (held.leased_until, waiting.leased_until) == (NOW + LEASE, NOW + LONGEST_WAIT)
        assert (job.leased_until, job.poll_at) == (NOW + LEASE, NOW + LATE_LOOK_INTERVAL)
        assert PumpSlot.objects.get(number=0).leased_until == NOW + LEASE
        account = UpstreamAccount.objects.get()
        assert (account.counted_at, account.blocked_until) == (NOW + LONGEST_WAIT, NOW + LONGEST_WAIT)
        assert AccountPause.objects.get().try_again_at == NOW + timedelta(seconds=60)
        assert bring_back_moments() == 0
