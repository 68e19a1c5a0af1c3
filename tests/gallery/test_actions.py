"""Cancel, dismiss, delete and restore: as a plain form and through htmx, accepted and refused."""

import re
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tchavi_studio.generations import tasks
from tchavi_studio.generations.models import Discard, Generation, State
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.workspaces.models import User, Workspace
from tests.assets.conftest import make_asset
from tests.gallery.conftest import HTMX, MakeClip, Url, cards_of, change, text_of


def now(clip: Generation) -> Generation:
    return Generation.objects.get(pk=clip.pk)


@pytest.mark.parametrize(
    ("name", "state", "toasts"),
    [
        ("cancel", State.QUEUED, ["Cancelled. 1,300 credits refunded."]),
        ("dismiss", State.FAILED, []),
        ("delete", State.COMPLETED, ["Moved to the bin."]),
        ("restore", State.COMPLETED, ["Restored to your gallery."]),
    ],
)
def test_plain_form_redirects_back(
    alice_browser: Client, url: Url, make_clip: MakeClip, name: str, state: State, toasts: list[str]
) -> None:
    clip = make_clip(state)
    response = alice_browser.post(url(name, clip), {"next": f"{url('gallery')}?show=all"})
    assert (response.status_code, response["Location"]) == (302, f"{url('gallery')}?show=all")
    assert [str(message) for message in get_messages(response.wsgi_request)] == toasts


@pytest.mark.parametrize(
    ("sent", "referer", "target"),
    [
        ({}, "http://testserver/w/alices-studio/create/", "http://testserver/w/alices-studio/create/"),
        ({}, "https://evil.example/", None),
        ({"next": "https://evil.example/"}, "", None),
        ({"next": "//evil.example/"}, "http://testserver/", None),
        ({}, "", None),
    ],
)
def test_redirect_stays_within_the_studio(
    alice_browser: Client, url: Url, make_clip: MakeClip, sent: dict[str, str], referer: str, target: str | None
) -> None:
    response = alice_browser.post(url("delete", make_clip()), sent, headers={"Referer": referer})
    assert response["Location"] == (target or url("gallery"))


def test_deleted_clip_can_be_restored_from_the_toast(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip()
    deleted = alice_browser.post(url("delete", clip), headers=HTMX)
    assert now(clip).deleted_at is not None
    assert f'<article id="clip-{clip.pk}" hidden hx-swap-oob="true"' in text_of(deleted)
    assert re.findall(r'hx-post="([^"]+)"', text_of(deleted)) == [url("restore", clip)]

    restored = alice_browser.post(url("restore", clip), headers=HTMX)
    assert now(clip).deleted_at is None
    assert cards_of(restored) == [str(clip.pk)]
    assert f'<article id="binned-{clip.pk}" hidden hx-swap-oob="true"></article>' in text_of(restored)


def test_cancelled_clip_shows_its_refund(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip(State.QUEUED)
    before = wallet_balance(workspace=clip.workspace, book="sandbox")
    response = alice_browser.post(url("cancel", clip), headers=HTMX)
    assert now(clip).state == State.CANCELLED
    assert wallet_balance(workspace=clip.workspace, book="sandbox") == before + 1_300
    assert cards_of(response) == [str(clip.pk)]
    assert "Cancelled. 1,300 credits refunded." in text_of(response)


def test_cancelling_a_free_clip_mentions_no_refund(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    response = alice_browser.post(url("cancel", make_clip(State.QUEUED, price_credits=0)), headers=HTMX)
    assert "Cancelled. It was free." in text_of(response)


def test_dismissed_failure_leaves_the_feed_without_a_toast(
    alice_browser: Client, url: Url, make_clip: MakeClip
) -> None:
    clip = make_clip(State.FAILED)
    response = alice_browser.post(url("dismiss", clip), headers=HTMX)
    assert now(clip).dismissed_at is not None
    assert "data-toast" not in text_of(response)
    assert f'<article id="clip-{clip.pk}" hidden' in text_of(response)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cancel", "This clip is already being made and can&#x27;t be stopped. No credits moved."),
        ("delete", "This clip isn&#x27;t finished yet."),
        ("dismiss", "This clip isn&#x27;t finished yet."),
    ],
)
def test_refused_action_explains_and_changes_nothing(
    alice_browser: Client, url: Url, make_clip: MakeClip, name: str, words: str
) -> None:
    clip = make_clip(State.PROCESSING)
    response = alice_browser.post(url(name, clip), headers=HTMX)
    assert response.status_code == 422
    assert words in text_of(response)
    assert 'role="alert"' in text_of(response)
    assert now(clip).version == clip.version

    plain = alice_browser.post(url(name, clip))
    assert plain.status_code == 302
    assert [message.level_tag for message in get_messages(plain.wsgi_request)] == ["error"]


# --- Discards ---------------------------------------------------------------------------------------------------------


def test_the_bin_is_emptied_after_a_confirmation_that_says_what_it_frees(
    alice_browser: Client, workspace: Workspace, make_clip: MakeClip
) -> None:
    clip = make_clip(state=State.COMPLETED)
    bin_url = reverse("gallery:bin", args=[workspace.slug])
    empty_url = reverse("gallery:empty_bin", args=[workspace.slug])
    assert "Empty bin" not in text_of(alice_browser.get(bin_url))
    assert "There is nothing to delete." in text_of(alice_browser.get(empty_url))
    change(clip, deleted_at=timezone.now(), purge_at=timezone.now() + timedelta(days=1))
    assert f'href="{empty_url}"' in text_of(alice_browser.get(bin_url))
    assert "Frees 4 bytes." in text_of(alice_browser.get(empty_url))
    response = alice_browser.post(empty_url, follow=True)
    assert "The bin is being emptied. Its storage is free in a moment." in text_of(response)
    assert "The bin is empty" in text_of(response)
    assert f"binned-{clip.pk}" not in text_of(response)
    assert Discard.objects.get().kind == "bin"


def test_unused_files_are_deleted_after_a_confirmation(
    alice_browser: Client, workspace: Workspace, alice: User
) -> None:
    make_asset(workspace, created_by=alice)
    url = reverse("gallery:delete_unused", args=[workspace.slug])
    assert "Frees 1.0 KB." in text_of(alice_browser.get(url))
    response = alice_browser.post(url, follow=True)
    assert "Unused files are being deleted." in text_of(response)
    tasks.discard_waiting()
    assert "There is nothing to delete." in text_of(alice_browser.get(url))
