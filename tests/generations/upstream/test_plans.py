"""Whatever runs every second or every step reads only what there is to do, however many clips have ended."""

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.generations import lifecycle, queries, tasks
from tchavi_studio.generations.models import AccountPause, Generation, GenerationReference, RemoteJob, State
from tchavi_studio.generations.upstream import account, line, submission, transfers, unknown
from tchavi_studio.generations.upstream.pump import has_work, settle_what_is_overdue
from tchavi_studio.runtime.fairness import fair_order
from tchavi_studio.workspaces.models import User, Workspace
from tests.conftest import make_person
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


def test_places_in_line_take_three_statements(start: Start) -> None:
    """However many wait, as long as the first page of each queue is enough."""
    clips = [start() for _clip in range(3)]
    ended = start()
    lifecycle.cancel_queued(ended.pk)
    with listed_by_index(Generation), CaptureQueriesContext(connection) as captured:
        assert submission.places_in_line([clips[2].pk, clips[0].pk, ended.pk, uuid4()]) == {
            clips[0].pk: 1,
            clips[2].pk: 3,
        }
    assert len(captured) == 3
    waits = queries.provider_waits([clips[1], ended])
    assert waits == {clips[1].pk: queries.Wait(place=2, for_account=False)}


def waiting_too(clip: Generation, workspace: Workspace, creator: User | None, created_at: datetime) -> UUID:
    """A free clip like this one, of somebody else."""
    other = Generation.objects.get(pk=clip.pk)
    other.pk, other.submission_id, other.price_credits = uuid4(), uuid4(), 0
    other.workspace, other.creator, other.created_at = workspace, creator, created_at
    other.save(force_insert=True)
    return other.pk


def test_a_place_behind_a_hundred_clips_is_told_as_that(
    start: Start, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "MAX_PLACE", 4)
    monkeypatch.setattr(line, "MIN_PAGE_LENGTH", 2)
    clips = [start() for _clip in range(7)]
    ids = [clip.pk for clip in clips]
    ended = start()
    lifecycle.cancel_queued(ended.pk)
    with listed_by_index(Generation):
        assert submission.places_in_line(ids) == dict(zip(ids, [1, 2, 3, 4, 5, 5, 5], strict=True))
        assert submission.places_in_line([ids[6], ended.pk]) == {ids[6]: 5}
        assert submission.places_in_line([ids[3]]) == {ids[3]: 4}
    elsewhere = Workspace.objects.create(name="Niger", slug="niger")
    ids += [waiting_too(clips[0], elsewhere, None, timezone.now() + timedelta(seconds=n)) for n in (1, 2)]
    assert submission.places_in_line(ids) == dict(zip(ids, [1, 3, 5, 5, 5, 5, 5, 2, 4], strict=True))


def test_the_heads_of_many_queues_are_read_at_once(start: Start) -> None:
    clip, now = start(), timezone.now()
    for number in range(8):
        elsewhere = Workspace.objects.create(name=f"Niger {number}", slug=f"niger-{number}")
        for _clip in range(3):
            waiting_too(clip, elsewhere, None, now + timedelta(seconds=number))
    for expected, statements in ((4, 1), (16, 2)):
        with CaptureQueriesContext(connection) as captured:
            in_line = list(islice(line.clips_in_line(open_by_member={}, expected=expected), expected))
        assert (len({waiting.workspace_id for waiting in in_line}), len(captured)) == (min(expected, 9), statements)


@pytest.mark.parametrize("page_length", [1, 3])
def test_the_line_is_the_order_of_turns(
    start: Start, workspace: Workspace, alice: User, monkeypatch: pytest.MonkeyPatch, page_length: int
) -> None:
    """Clips of members, former members and two workspaces, read by short pages, against all of them at once."""
    monkeypatch.setattr(line, "MIN_PAGE_LENGTH", page_length)
    monkeypatch.setattr(line, "MAX_PAGE_LENGTH", page_length)
    others = Workspace.objects.create(name="Niger", slug="niger")
    bintou = make_person("Bintou")
    whose = [(workspace, alice), (others, bintou), (workspace, None), (workspace, alice), (workspace, bintou)]
    clip, now = start(), timezone.now()
    for number, (where, who) in enumerate(whose * 4):
        waiting_too(clip, where, who, now + timedelta(seconds=number // 2))
    queues: defaultdict[Any, list[Any]] = defaultdict(list)
    for clip in Generation.objects.order_by("created_at", "pk"):
        queues[clip.workspace_id, clip.creator_id].append((clip.created_at, clip.pk))
    order = fair_order({member: iter(queue) for member, queue in queues.items()}, open_by_member={})
    expected = [pk for _moment, pk in order]
    for count in (1, 7, 40):
        in_line = line.clips_in_line(open_by_member={}, expected=count)
        assert [UUID(str(waiting.pk)) for waiting in in_line] == expected


def test_clips_of_the_same_moment_wait_in_the_order_of_their_ids(start: Start) -> None:
    clips = [start() for _clip in range(4)]
    Generation.objects.update(created_at=timezone.now())
    in_order = sorted(clip.pk for clip in clips)
    assert submission.places_in_line(in_order) == {pk: place for place, pk in enumerate(in_order, start=1)}
