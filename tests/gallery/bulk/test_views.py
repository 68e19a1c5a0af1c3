"""Acts on many clips as a plain form and through htmx, the job's card, and cancelling what waits."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from tchavi_studio.generations import tasks
from tchavi_studio.generations.bulk import jobs
from tchavi_studio.generations.bulk.models import BulkJob
from tchavi_studio.generations.models import Collection, Generation, State
from tchavi_studio.generations.organising.collections import create_collection
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.workspaces.models import Membership, Role, Visibility
from tests.gallery.bulk.conftest import Address
from tests.gallery.conftest import HTMX, MakeClip, change, text_of


def named(*clips: Generation) -> dict[str, Any]:
    return {"clips": [str(clip.pk) for clip in clips]}


def toasts(response: Any) -> list[str]:
    return re.findall(r"data-toast>.*?<p>(.*?)</p>", text_of(response))


def binned() -> set[Any]:
    return set(Generation.objects.filter(deleted_at__isnull=False).values_list("pk", flat=True))


@pytest.fixture
def in_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clips are many, done one by one."""
    monkeypatch.setattr(jobs, "MAX_AT_ONCE", 1)
    monkeypatch.setattr(jobs, "BATCH_LENGTH", 1)


@pytest.mark.parametrize(
    ("name", "visibility", "said"),
    [
        ("delete", Visibility.PRIVATE, "2 clips moved to the bin."),
        ("restore", Visibility.PRIVATE, "Nothing changed. 2 were like that already."),
        ("share", Visibility.PRIVATE, "2 clips shared: everybody in the workspace sees them."),
        ("unshare", Visibility.WORKSPACE, "2 clips made private: only their creators see them."),
    ],
)
def test_an_act_says_what_it_did(
    alice_browser: Client, address: Address, make_clip: MakeClip, name: str, visibility: Visibility, said: str
) -> None:
    clips = [make_clip(visibility=visibility) for _number in range(2)]
    answer = alice_browser.post(address("bulk", name), named(*clips), headers=HTMX)
    assert toasts(answer) == [said]
    assert answer.headers["HX-Trigger"] == '{"selection-done": {}}'
    assert f'id="clip-{clips[0].pk}" hidden' in text_of(answer) or name != "delete"


def test_delete_with_undo(alice_browser: Client, address: Address, make_clip: MakeClip) -> None:
    earlier, clips, running = make_clip(), [make_clip(), make_clip()], make_clip(State.QUEUED)
    alice_browser.post(address("bulk", "delete"), named(earlier))
    deleted = alice_browser.post(address("bulk", "delete"), named(earlier, *clips, running), headers=HTMX)
    assert toasts(deleted) == ["2 clips moved to the bin. 1 is still running. 1 was like that already."]
    assert binned() == {earlier.pk, *(clip.pk for clip in clips)}
    (undo_url,) = re.findall(r'hx-post="([^"]+/undo/)"', text_of(deleted))
    undone = alice_browser.post(undo_url, headers=HTMX)
    assert toasts(undone) == ["2 clips restored."]
    assert binned() == {earlier.pk}
    assert f'id="binned-{clips[0].pk}" hidden hx-swap-oob="true"' in text_of(undone)


def test_a_plain_form_leads_back_and_has_undo_on_the_page(
    alice_browser: Client, address: Address, make_clip: MakeClip
) -> None:
    clips = [make_clip(), make_clip()]
    home = address("gallery")
    shared = alice_browser.post(address("bulk", "share"), {**named(*clips), "next": home})
    assert (shared.status_code, shared["Location"]) == (302, home)
    assert "2 clips shared" in text_of(alice_browser.get(home))
    deleted = alice_browser.post(address("bulk", "delete"), {**named(*clips), "next": home})
    assert [str(message) for message in get_messages(deleted.wsgi_request)] == []
    page = text_of(alice_browser.get(home))
    assert "<p>2 clips moved to the bin.</p>" in page
    (undo_url,) = re.findall(r'action="([^"]+/undo/)"', page)
    assert alice_browser.post(undo_url).status_code == 302
    page = text_of(alice_browser.get(home))
    assert "2 clips restored." in page
    assert "bulk-job&quot;" not in page
    assert "/undo/" not in page
    assert binned() == set()


@pytest.mark.usefixtures("in_background")
def test_many_in_the_background(alice_browser: Client, address: Address, make_clip: MakeClip) -> None:
    for _number in range(3):
        make_clip()
    started = alice_browser.post(address("bulk", "delete"), {"all": "1", "query": "model=seedance-2"}, headers=HTMX)
    assert toasts(started) == []
    assert "<b>Moving clips to the bin</b> <small>0 of 3" in text_of(started)
    job = BulkJob.objects.get()
    card = address("bulk_job", job.pk)
    assert f'hx-get="{card}" hx-trigger="every 2s"' in text_of(alice_browser.get(address("gallery")))
    refused = alice_browser.post(address("bulk", "share"), {"all": "1"}, headers=HTMX)
    assert (refused.status_code, BulkJob.objects.count()) == (422, 1)
    assert "still under way" in text_of(refused)
    claim = jobs.claim_next_job()
    assert claim is not None
    jobs.do_batch(claim)
    claim.release()
    assert "<small>1 of 3" in text_of(alice_browser.get(card))
    tasks.work_on_bulk_jobs()
    ended = text_of(alice_browser.get(card))
    assert "<p>3 clips moved to the bin.</p>" in ended
    assert "hx-trigger" not in ended
    hidden = alice_browser.post(address("hide_bulk_job", job.pk), headers=HTMX)
    assert text_of(hidden) == '<div id="bulk-job"> </div>'
    assert 'class="bulk-job"' not in text_of(alice_browser.get(address("gallery")))


@pytest.mark.usefixtures("in_background")
def test_stop(alice_browser: Client, address: Address, make_clip: MakeClip) -> None:
    for _number in range(2):
        make_clip()
    alice_browser.post(address("bulk", "delete"), {"all": "1"}, headers=HTMX)
    job = BulkJob.objects.get()
    claim = jobs.claim_next_job()
    assert claim is not None
    jobs.do_batch(claim)
    stopped = alice_browser.post(address("stop_bulk_job", job.pk), headers=HTMX)
    assert "<p>Stopped. 1 clip moved to the bin.</p>" in text_of(stopped)
    assert len(binned()) == 1
    assert alice_browser.post(address("stop_bulk_job", job.pk)).status_code == 302


@pytest.mark.parametrize("name", ["bulk_job", "stop_bulk_job", "hide_bulk_job", "undo_bulk_job"])
def test_jobs_are_their_persons(
    alice_browser: Client, client: Client, bob_here: Membership, address: Address, make_clip: MakeClip, name: str
) -> None:
    """Not even whoever manages the workspace reaches another member's."""
    Membership.objects.filter(pk=bob_here.pk).update(role=Role.ADMIN)
    alice_browser.post(address("bulk", "delete"), named(make_clip(visibility=Visibility.WORKSPACE)))
    client.force_login(bob_here.user)
    job = BulkJob.objects.get()
    ask = client.get if name == "bulk_job" else client.post
    assert ask(address(name, job.pk)).status_code == 404
    assert binned() != set()


def test_refusals(alice_browser: Client, client: Client, bob_here: Membership, address: Address) -> None:
    assert alice_browser.post(address("bulk", "burn"), {"all": "1"}).status_code == 404
    assert alice_browser.post(address("bulk", "delete"), {"clips": "x"}).status_code == 400
    assert alice_browser.post(address("bulk", "delete"), {"clips": [str(uuid4())]}, headers=HTMX).status_code == 200
    nothing = alice_browser.post(address("bulk", "delete"), {}, headers=HTMX)
    assert nothing.status_code == 422
    assert "No clips are selected" in text_of(nothing)
    share = BulkJob.objects.create(
        workspace=bob_here.workspace, user=bob_here.user, action="share", clip_ids=[], is_long=False, is_shown=False
    )
    client.force_login(bob_here.user)
    assert client.post(address("undo_bulk_job", share.pk)).status_code == 404, "it can't be undone"
    Membership.objects.filter(pk=bob_here.pk).update(role=Role.VIEWER)
    assert client.post(address("bulk", "delete"), {"all": "1"}).status_code == 403
    BulkJob.objects.filter(pk=share.pk).update(action="delete")
    assert client.post(address("undo_bulk_job", share.pk)).status_code == 403


def test_restore_in_the_bin(alice_browser: Client, address: Address, make_clip: MakeClip) -> None:
    clips = [make_clip(), make_clip(State.FAILED)]
    alice_browser.post(address("bulk", "delete"), named(*clips), headers=HTMX)
    page = text_of(alice_browser.get(address("bin")))
    assert "This clip failed" in page
    assert "Dismiss" not in page
    ticks = re.findall(r'<input type="checkbox" name="clips" value="([^"]+)" form="selection-form"', page)
    assert sorted(ticks) == sorted(str(clip.pk) for clip in clips)
    assert f'formaction="{address("bulk", "restore")}"' in page
    alice_browser.post(address("bulk", "restore"), {"clips": ticks})
    assert binned() == set()


# --- Cancel what waits ------------------------------------------------------------------------------------------------


def test_cancel_all_of_ones_own(alice_browser: Client, address: Address, make_clip: MakeClip) -> None:
    clips = [make_clip(State.QUEUED) for _number in range(3)]
    change(make_clip(State.QUEUED), state=State.PROCESSING)
    before = wallet_balance(workspace=clips[0].workspace, book="sandbox")
    answer = alice_browser.post(address("cancel_waiting"), headers=HTMX)
    assert toasts(answer) == ["3 clips cancelled, 3,900 credits refunded. 1 had begun already."]
    assert '<div id="cancel-waiting" class="cancel-waiting" hx-swap-oob="true">' in text_of(answer)
    assert wallet_balance(workspace=clips[0].workspace, book="sandbox") == before + 3_900
    again = alice_browser.post(address("cancel_waiting"), headers=HTMX)
    assert toasts(again) == [
        "No clip was waiting any more, so nothing changed and no credits moved. 1 had begun already."
    ]


def test_cancel_as_a_plain_form(alice_browser: Client, address: Address, make_clip: MakeClip) -> None:
    make_clip(State.QUEUED, price_credits=0)
    answer = alice_browser.post(address("cancel_waiting"))
    assert (answer.status_code, answer["Location"]) == (302, address("gallery"))
    assert [str(message) for message in get_messages(answer.wsgi_request)] == ["1 clip cancelled. It was free."]


def test_clips_are_added_to_a_collection_and_tagged(
    alice_browser: Client, address: Address, make_clip: MakeClip, membership: Membership
) -> None:
    clips = [make_clip(), make_clip()]
    form = {**named(*clips), "collection": "", "collection_name": "Spring", "tag": ""}
    answer = alice_browser.post(address("bulk", "collect"), form, headers=HTMX)
    assert toasts(answer) == ["2 clips added to the collection."]
    spring = Collection.objects.get(name="Spring")
    assert spring.items.count() == 2
    offered = text_of(alice_browser.get(address("choose_collection"), headers=HTMX))
    assert f'name="collection" value="{spring.pk}"' in offered
    undo_url = re.search(r'action="([^"]*/undo/)"', text_of(answer))
    assert undo_url
    assert toasts(alice_browser.post(undo_url[1], headers=HTMX)) == ["2 clips taken out of the collection."]
    answer = alice_browser.post(address("bulk", "tag"), {**named(*clips), "tag": "Night"}, headers=HTMX)
    assert toasts(answer) == ["2 clips tagged."]
    refused = alice_browser.post(address("bulk", "collect"), {**named(*clips), "collection": "999"}, headers=HTMX)
    assert refused.status_code == 422


def test_a_collection_is_chosen_on_a_page_without_scripts(
    alice_browser: Client, address: Address, make_clip: MakeClip, membership: Membership
) -> None:
    reel = create_collection(membership=membership, name="Reel")
    clips = [make_clip(), make_clip()]
    assert f'formaction="{address("choose_collection")}"' in text_of(alice_browser.get(address("gallery")))
    sent_from = {"Referer": address("gallery")}
    page = text_of(alice_browser.post(address("choose_collection"), named(*clips), headers=sent_from))
    page = page.partition('class="choose-collection"')[2]
    form = {name: re.findall(f'name="{name}" value="([^"]*)"', page) for name in ("next", "clips")}
    assert form == {"next": [address("gallery")], "clips": [str(clip.pk) for clip in clips]}
    assert f'<button class="item" name="collection" value="{reel.pk}" formaction="{address("bulk", "collect")}"' in page
    answer = alice_browser.post(address("bulk", "collect"), {**form, "collection": reel.pk})
    assert (answer.status_code, answer.headers["Location"]) == (302, address("gallery"))
    assert reel.items.count() == 2
    asked = alice_browser.get(address("choose_collection"))
    assert asked.headers["Location"] == address("collections")


def test_the_bin_can_be_restored_as_a_whole(alice_browser: Client, address: Address, make_clip: MakeClip) -> None:
    clips = [make_clip(), make_clip(), make_clip()]
    alice_browser.post(address("bulk", "delete"), named(*clips[:2]))
    page = text_of(alice_browser.get(address("bin")))
    assert 'name="list" value="bin"' in page
    everything = {"all": "1", "list": "bin", "query": ""}
    assert "2 selected" in text_of(alice_browser.post(address("selected"), everything))
    answer = alice_browser.post(address("bulk", "restore"), everything, headers=HTMX)
    assert toasts(answer) == ["2 clips restored."]
    assert binned() == set()
    assert alice_browser.post(address("zip"), {**everything, "part": "1"}).status_code == 400
