"""What a card shows in each state, and that it claims nothing that isn't known."""

import re
from html import unescape

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from tchavi_studio.gallery.queries import Card, cards
from tchavi_studio.gallery.templatetags.gallery import clock, ratio_class
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.generations.queries import Estimate, Wait
from tchavi_studio.workspaces.models import Membership, Role, Workspace
from tests.gallery.conftest import MakeClip, Url, seconds_ago


@pytest.fixture
def membership(workspace: Workspace) -> Membership:
    return Membership.objects.get(workspace=workspace)


def card_of(
    clip: Generation, membership: Membership, estimate: Estimate | None = None, wait: Wait | None = None
) -> str:
    card = Card(clip=clip, estimate=estimate, wait=wait)
    context = {"card": card, "clip": clip, "workspace": clip.workspace, "membership": membership}
    return " ".join(render_to_string("gallery/_card.html", context).split())


def words_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_waiting_clip_can_be_cancelled(make_clip: MakeClip, membership: Membership, url: Url) -> None:
    clip = make_clip(State.QUEUED, created_at=seconds_ago(5))
    card = card_of(clip, membership)
    assert words_of(card) == "Waiting 0:05 Cancel Dawn over the lagoon Seedance 2 · 5 s · 480p Alice"
    assert f'hx-post="{url("cancel", clip)}"' in card
    assert "<progress" not in card


def test_rendering_clip_shows_phase_time_and_estimate(make_clip: MakeClip, membership: Membership) -> None:
    clip = make_clip(State.PROCESSING, created_at=seconds_ago(21))
    card = card_of(clip, membership, Estimate(half_seconds=48, nine_in_ten_seconds=80))
    assert words_of(card) == (
        "Rendering 0:21 · half finish in 0:48, nine in ten in 1:20 You can close this tab. "
        "Dawn over the lagoon Seedance 2 · 5 s · 480p Alice"
    )
    assert 'data-elapsed="21"' in card
    assert ("<progress" in card, "/cancel/" in card) == (False, False)


def test_known_progress_is_shown(make_clip: MakeClip, membership: Membership) -> None:
    card = card_of(make_clip(State.PROCESSING, progress_percent=46), membership)
    assert '<progress value="46" max="100" aria-label="Rendering progress"></progress>' in card


@pytest.mark.parametrize(
    ("state", "word"),
    [(State.SUBMITTING, "Sending"), (State.UNKNOWN, "Checking with the provider"), (State.SAVING, "Saving")],
)
def test_each_phase_has_a_title(make_clip: MakeClip, membership: Membership, state: State, word: str) -> None:
    assert words_of(card_of(make_clip(state, created_at=seconds_ago(1)), membership)).startswith(f"{word} 0:01")


def test_finished_clip_loads_only_its_poster(make_clip: MakeClip, membership: Membership, url: Url) -> None:
    clip = make_clip(aspect_ratio="9:16")
    assert clip.output is not None
    card = card_of(clip, membership)
    media = [reverse("gallery:media", args=[clip.workspace.slug, clip.output.pk, name]) for name in ("file", "poster")]
    assert f'data-video="{media[0]}"' in card
    assert f'<img src="{media[1]}" alt="" width="496" height="864" loading="lazy" decoding="async">' in card
    assert "<video" not in card
    assert re.findall(r'href="([^"]*)"', card) == [
        url("clip", clip),
        url("download", clip),
        *(
            f"/w/{clip.workspace.slug}/create/?remix={clip.pk}&amp;keep={keep}"
            for keep in ("everything", "no-seed", "prompt")
        ),
        url("download", clip),
        url("clip", clip),
    ]


def test_failed_clip_shows_the_full_reason_and_the_refund(
    make_clip: MakeClip, membership: Membership, url: Url
) -> None:
    reason = "The provider refused the scene. " * 20 + "<script>"
    clip = make_clip(State.FAILED, error_code="refused", error_message=reason)
    card = card_of(clip, membership)
    assert words_of(card).startswith(
        "This clip failed " + "The provider refused the scene. " * 20 + "&lt;script&gt; 1,300 credits refunded "
        "Edit and retry Dismiss"
    )
    assert f'href="/w/{clip.workspace.slug}/credits/?kind=refund"' in card
    assert f'href="/w/{clip.workspace.slug}/create/?remix={clip.pk}&amp;keep=everything"' in card
    assert f'hx-post="{url("dismiss", clip)}"' in card


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            "This clip failed Reference image 2 couldn't be read. 1,300 credits refunded Try again with another file. "
            "Edit and retry Dismiss",
        ),
        (
            "fr",
            "Ce clip a échoué L’image de référence 2 n’a pas pu être lue. 1 300 crédits remboursés "
            "Réessayez avec un autre fichier. Modifier et relancer Masquer",
        ),
    ],
)
def test_studio_failure_is_translated_with_a_remedy(
    make_clip: MakeClip, membership: Membership, language: str, words: str
) -> None:
    clip = make_clip(State.FAILED, error_code="reference_image_unreadable", error_figures={"number": 2})
    with override(language):
        card = unescape(words_of(card_of(clip, membership)))
    assert card.startswith(words)


def test_viewer_sees_no_remedy(make_clip: MakeClip, membership: Membership) -> None:
    clip = make_clip(State.FAILED, error_code="first_frame_unreadable")
    membership.role = Role.VIEWER
    card = unescape(words_of(card_of(clip, membership)))
    assert card.startswith("This clip failed The first frame couldn't be read. 1,300 credits refunded Dawn")


def test_cancelled_clip_shows_no_reason(make_clip: MakeClip, membership: Membership) -> None:
    clip = make_clip(State.CANCELLED, error_code="cancelled")
    assert words_of(card_of(clip, membership)).startswith("Cancelled 1,300 credits refunded Edit and retry Dismiss")


def test_free_failed_clip_mentions_no_refund(make_clip: MakeClip, membership: Membership) -> None:
    clip = make_clip(State.FAILED, error_message="No.", price_credits=0)
    assert "refunded" not in card_of(clip, membership)


def test_prompt_is_escaped(make_clip: MakeClip, membership: Membership) -> None:
    card = card_of(make_clip(prompt='"><script>alert(1)</script>'), membership)
    assert "<script>" not in card
    assert card.count("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;") == 2


def test_cards_without_history_have_no_estimate(make_clip: MakeClip, membership: Membership) -> None:
    clips = [make_clip(State.PROCESSING), make_clip()]
    shown = cards(clips, membership=membership)
    assert [(card.clip, card.estimate) for card in shown] == [(clips[0], None), (clips[1], None)]


@pytest.mark.parametrize(
    ("asked", "shape"),
    [
        ({"aspect_ratio": "16:9"}, "r-16-9 at-480p"),
        ({"aspect_ratio": "3:4", "resolution": "720p"}, "r-3-4 at-720p"),
        ({"aspect_ratio": "adaptive"}, "r-16-9 at-480p"),
    ],
)
def test_card_has_the_shape_of_its_clip(make_clip: MakeClip, asked: dict[str, str], shape: str) -> None:
    assert ratio_class(make_clip(**asked)) == shape


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (5.4, "0:05"), (61, "1:01"), (3_729, "1:02:09")])
def test_clock_formats_seconds_like_a_player(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_numbers_in_attributes_are_not_localized(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip(State.PROCESSING, created_at=seconds_ago(5_000))
    page = alice_browser.get(url("gallery")).content.decode()
    (elapsed,) = re.findall(r'data-elapsed="([^"]*)"', page)
    assert elapsed.isdigit()
    assert 5_000 <= int(elapsed) <= clip.elapsed_seconds
    assert re.findall(r"since=([^&]*)&", page)[0].isdigit()
