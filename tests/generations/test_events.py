"""Whoever made a clip in the browser is told of its end, if they are away."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.generations import events, lifecycle
from tchavi_studio.generations.models import Generation
from tchavi_studio.notices.models import Notice
from tchavi_studio.workspaces.models import Membership, Session, User
from tests.plans import listed_by_index

Start = Callable[..., Generation]


def end(generation: Generation) -> None:
    """Record the end of a clip whose row says that it has ended."""
    with transaction.atomic():
        events.record_end(generation.pk)


def told() -> list[tuple[object, ...]]:
    rows = Notice.objects.order_by("pk")
    return [(row.user_id, row.workspace_id, row.kind, row.reference, row.details) for row in rows]


def test_a_creator_who_is_away_is_told_once(alice: User, start: Start, complete: Callable[[Generation], None]) -> None:
    done, failed = start(model="kling-v3", duration=10), start()
    complete(done)
    for _time in range(2):
        end(done)
    lifecycle.fail_generation(failed.pk, code="render_failed")
    assert told() == [
        (alice.pk, done.workspace_id, "clip_done", done.pk, {"model": "Kling v3", "duration_seconds": 10}),
        (
            alice.pk,
            failed.workspace_id,
            "clip_failed",
            failed.pk,
            {"model": "Seedance 2", "duration_seconds": 5, "refunded_credits": 1300},
        ),
    ]


def test_open_pages_cancelled_clips_and_programs_tell_nobody(
    alice: User, alice_browser: Client, start: Start, complete: Callable[[Generation], None], settings: Settings
) -> None:
    settings.STUDIO_LOW_BALANCE_CREDITS = 0
    watched, program, test, unseen = start(), start(), start(), start()
    Generation.objects.filter(pk=program.pk).update(key_id=uuid4())
    Generation.objects.filter(pk=test.pk).update(key_id=uuid4(), is_test=True)
    complete(watched)
    with listed_by_index(Session):
        end(watched)
    Session.objects.update(seen_at=timezone.now() - timedelta(minutes=4))
    for clip in (program, test):
        complete(clip)
        end(clip)
    lifecycle.cancel_queued(start().pk)
    assert told() == []
    complete(unseen)
    end(unseen)
    assert [kind for _user, _workspace, kind, *_ in told()] == ["clip_done"]


def test_a_notice_leads_to_its_clip(
    membership: Membership,
    start: Start,
    complete: Callable[[Generation], None],
    client: Client,
) -> None:
    done = start()
    complete(done)
    end(done)
    client.force_login(membership.user)
    notice = Notice.objects.get()
    expected = f"/w/{membership.workspace.slug}/clips/{done.pk}/"
    assert client.get(f"/notices/{notice.pk}/")["Location"] == expected
    page = client.get("/notices/").content.decode()
    assert "Seedance 2, 5 s, in Alice&#x27;s studio." in page
    assert "Dawn" not in page
