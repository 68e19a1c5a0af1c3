"""Whatever runs every second or every step reads only what there is to do, however many clips have ended."""

from datetime import timedelta
from uuid import uuid4

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.generations import lifecycle, queries, tasks
from tchavi_studio.generations.models import AccountPause, Generation, GenerationReference, RemoteJob, State
from tchavi_studio.generations.upstream import account, submission, transfers, unknown
from tchavi_studio.generations.upstream.pump import has_work, settle_what_is_overdue
from tchavi_studio.workspaces.models import Workspace
from tests.plans import listed_by_index
from tests.upstream.service import Upstream

from .conftest import Drive, Start, make_open_jobs


def test_a_step_of_the_pump(drive: Drive, start: Start, upstream: Upstream, workspace: Workspace) -> None:
    make_open_jobs(upstream, workspace, 3)
    clips = [start() for _clip in range(3)]
    with listed_by_index(Generation, RemoteJob):
        drive(3)
        assert has_work()
    assert [Generation.objects.get(pk=clip.pk).state for clip in clips] == [State.PROCESSING] * 3


def test_what_is_overdue(start: Start, upstream: Upstream, workspace: Workspace, settings: Settings) -> None:
    states = [State.SUBMITTING, State.UNKNOWN, State.PROCESSING, State.SAVING]
    for (clip, _remote_id), state in zip(make_open_jobs(upstream, workspace, 4), states, strict=True):
        Generation.objects.filter(pk=clip.pk).update(state=state, leased_until=timezone.now())
    start()
    settings.STUDIO_JOB_DEADLINE_SECONDS = settings.STUDIO_UNKNOWN_DEADLINE_SECONDS = -1
    settings.STUDIO_ACCOUNT_WAIT_SECONDS = -1
    AccountPause.objects.create(
        code="insufficient_credits", since=timezone.now() - timedelta(days=1), try_again_at=timezone.now()
    )
    with listed_by_index(Generation, RemoteJob):
        assert unknown.begin_search() is not None
        settle_what_is_overdue()
        assert lifecycle.rescue_abandoned_renders() == 0
        assert lifecycle.claim_next_render() is None
    ends = list(Generation.objects.order_by("error_code").values_list("state", "error_code"))
    # The submission was found dead in the same pass, after which it is as lost as the other.
    assert ends == [
        (State.FAILED, "account_unavailable"),
        (State.FAILED, "upstream_timeout"),
        (State.FAILED, "upstream_timeout"),
        (State.FAILED, "upstream_unknown"),
        (State.FAILED, "upstream_unknown"),
    ]


def test_transfers(start: Start, settings: Settings) -> None:
    settings.STUDIO_PUBLIC_URL = ""
    account.upstream_account()
    account.note_takes_files(True)
    waiting = start()
    with listed_by_index(Generation, GenerationReference):
        assert list(submission.sendable(now=timezone.now())) == [
            submission.Waiting(generation_id=waiting.pk, model="seedance-2")
        ]
        assert transfers.claim_next_download() is None
        assert transfers.claim_next_upload() is None
        tasks.wake_transfers_if_any_wait()


# --- Place in line ----------------------------------------------------------------------------------------------------


def test_places_in_line_take_two_statements(start: Start) -> None:
    clips = [start() for _clip in range(3)]
    ended = start()
    lifecycle.cancel_queued(ended.pk)
    with listed_by_index(Generation), CaptureQueriesContext(connection) as captured:
        assert submission.places_in_line([clips[2].pk, clips[0].pk, ended.pk, uuid4()]) == {
            clips[0].pk: 1,
            clips[2].pk: 3,
        }
    assert len(captured) == 2
    waits = queries.provider_waits([clips[1], ended])
    assert waits == {clips[1].pk: queries.Wait(place=2, for_account=False)}


def test_clips_of_the_same_moment_wait_in_the_order_of_their_ids(start: Start) -> None:
    clips = [start() for _clip in range(4)]
    Generation.objects.update(created_at=timezone.now())
    in_order = sorted(clip.pk for clip in clips)
    assert submission.places_in_line(in_order) == {pk: place for place, pk in enumerate(in_order, start=1)}
