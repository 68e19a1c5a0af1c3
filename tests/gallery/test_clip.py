"""The clip page, its contents for the dialog, and the download."""

import re
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.assets.models import Asset
from tchavi_studio.generations.library.entries import change_entries, entries_of
from tchavi_studio.generations.models import Generation, GenerationReference, ReferenceRole, State
from tchavi_studio.generations.services import cancel_generation
from tchavi_studio.ledger.queries import charge_for, refund_for
from tchavi_studio.workspaces.models import User, Workspace
from tests.gallery.conftest import HTMX, MakeClip, Url, text_of


def facts_of(text: str) -> dict[str, str]:
    shown = text[text.index("<article") : text.index("</article>")]
    pairs = re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", shown)
    return {name: " ".join(re.sub(r"<[^>]+>", " ", value).split()) for name, value in pairs}


def test_clip_page_shows_all_settings(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip(seed=1_204_877_351, duration_seconds=-1)
    text = text_of(alice_browser.get(url("clip", clip)))
    facts = facts_of(text)
    assert facts.pop("Time taken") == "0:00"
    assert facts == {
        "Length": "Auto · billed as 10 s",
        "Resolution": "480p · 864×496",
        "Aspect ratio": "16:9",
        "Soundtrack": "On",
        "Seed": "1204877351",
        "Seen by": "Only its creator Share",
    }
    assert 'data-copy="1204877351"' in text
    assert f"<code>{'ab' * 32}</code>" in text
    assert "This is a preview, drawn by the built-in engine from the same request." in text


def test_price_links_to_its_statement_rows(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip(State.QUEUED)
    cancel_generation(generation=clip)
    charge, refund = charge_for(clip.pk), refund_for(clip.pk)
    assert charge is not None
    assert refund is not None
    text = text_of(alice_browser.get(url("clip", clip)))
    assert re.findall(r">(Charged|Refunded) · #(\d+)</a><b class=\"num\">([^<]+)</b>", text) == [
        ("Charged", str(charge.sequence), "−1,300"),
        ("Refunded", str(refund.sequence), "+1,300"),
    ]
    assert re.findall(r"· 5 s at 260 · price list 1 · balance then ([\d,]+)", text) == [
        f"{charge.balance_after_credits:,}"
    ]
    assert re.findall(r"balance then ([\d,]+)", text)[1:] == [f"{refund.balance_after_credits:,}"]
    rows = re.findall(r'href="(/w/[\w-]+/credits/\?before=\d+#transfer-\d+)"', text)
    address = url("clip", clip).split("clips/")[0] + "credits/"
    assert rows == [f"{address}?before={row.sequence + 1}#transfer-{row.sequence}" for row in (charge, refund)]


def test_free_clip_shows_free(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    page = text_of(alice_browser.get(url("clip", make_clip(price_credits=0))))
    assert "<h2>Price</h2> <p>Free</p>" in page
    assert "Charged" not in page


def test_references_are_named_as_in_the_prompt(
    alice_browser: Client, alice: User, workspace: Workspace, url: Url, make_clip: MakeClip
) -> None:
    clip = make_clip()
    for position, role in enumerate([ReferenceRole.IMAGE, ReferenceRole.AUDIO], start=1):
        asset = Asset.objects.create(
            workspace=workspace,
            kind="image",
            origin="upload",
            content_type="image/jpeg",
            width=600,
            height=400,
            byte_count=1,
            source_sha256=uuid4().hex * 2,
            content_sha256=uuid4().hex * 2,
            file="nowhere",
        )
        GenerationReference.objects.create(generation=clip, role=role, position=position, asset=asset)
    text = text_of(alice_browser.get(url("clip", clip)))
    assert re.findall(r"<small>(\w+\d)</small>", text) == ["Audio2", "Image1"]


def test_lineage_links_only_the_viewers_own_clips(
    alice_browser: Client, bob: User, url: Url, make_clip: MakeClip
) -> None:
    parent = make_clip(prompt="The first take")
    clip = make_clip(parent=parent)
    child = make_clip(prompt="The third take", parent=clip)
    make_clip(prompt="Of somebody else", parent=clip, creator=bob)
    text = text_of(alice_browser.get(url("clip", clip)))
    links = re.findall(r'<a href="([^"]+)" data-clip title="([^"]+)">', text)
    assert links == [(url("clip", parent), "The first take"), (url("clip", child), "The third take")]

    Generation.objects.filter(pk=parent.pk).update(creator=bob)
    assert "The first take" not in text_of(alice_browser.get(url("clip", clip)))


def test_dialog_gets_only_the_contents(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip()
    whole, part = alice_browser.get(url("clip", clip)), alice_browser.get(url("clip", clip), headers=HTMX)
    assert (b"<html" in whole.content, b"<html" in part.content) == (True, False)
    assert part.content.decode().count(f'id="detail-{clip.pk}"') == 1
    assert "HX-Request" in whole["Vary"]
    assert "HX-Request" in part["Vary"]


def test_clip_in_the_bin_can_be_restored(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip()
    alice_browser.post(url("delete", clip))
    text = text_of(alice_browser.get(url("clip", clip)))
    assert "This clip is in the bin." in text
    assert f'action="{url("restore", clip)}"' in text
    assert f'action="{url("delete", clip)}"' not in text


def test_open_clip_page_polls(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip(State.PROCESSING)
    text = text_of(alice_browser.get(url("clip", clip)))
    assert f'id="phase-{clip.pk}"' in text
    assert 'data-poll="on"' in text


def test_unknown_clip_is_not_found(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    address = url("clip", make_clip()).rsplit("/", 2)[0]
    assert alice_browser.get(f"{address}/{uuid4()}/").status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_clip_page_query_count_is_constant(
    alice_browser: Client, url: Url, make_clip: MakeClip, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    clip = make_clip()
    for number in range(count):
        remix = make_clip(parent=clip)
        assert remix.output is not None
        clip.references.create(role=ReferenceRole.VIDEO, position=number + 1, asset=remix.output)
    with django_assert_num_queries(19):
        page = text_of(alice_browser.get(url("clip", clip), headers=HTMX))
    assert (page.count('<li class="relative">'), page.count("<small>Video")) == (count, count)


def test_download_is_named_after_the_prompt(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip(prompt="Été à Lomé: the lagoon wakes, birds scatter, slow dolly in over warm water at dawn")
    response = alice_browser.get(url("download", clip))
    assert b"".join(response.streaming_content) == b"clip"  # type: ignore[attr-defined]
    assert response["Content-Type"] == "video/mp4"
    name = f"ete-a-lome-the-lagoon-wakes-birds-scatter-slow-dolly-in-over-{clip.pk.hex[:8]}.mp4"
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("Dawn over the lagoon", "dawn-over-the-lagoon"),
        ("word " * 12, "word-" * 11 + "word"),
        ("word " * 13, "word-" * 11 + "word"),
        ("a" * 61, "a" * 60),
        ("夜明けの海", "clip"),
        ("../../etc/passwd", "etcpasswd"),
    ],
)
def test_download_name_has_whole_words_and_is_never_empty(
    alice_browser: Client, url: Url, make_clip: MakeClip, prompt: str, words: str
) -> None:
    clip = make_clip(prompt=prompt)
    response = alice_browser.get(url("download", clip))
    response.close()
    assert response["Content-Disposition"] == f'attachment; filename="{words}-{clip.pk.hex[:8]}.mp4"'


def test_unfinished_clip_cannot_be_downloaded(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    assert alice_browser.get(url("download", make_clip(State.PROCESSING))).status_code == 404


class TestThePlaceInAList:
    def test_a_clip_leads_to_those_around_it_and_back(
        self, alice_browser: Client, url: Url, make_clip: MakeClip
    ) -> None:
        first, other, second, third = (make_clip(prompt=f"{word} boat") for word in ("A", "Not this", "B", "C"))
        change_entries(entries_of([other.pk]), resolution="720p")
        opened_from = "?in=q%3Dboat%26resolution%3D480p"
        page = text_of(alice_browser.get(url("gallery") + "?q=boat&resolution=480p"))
        assert f'href="{url("clip", second)}{opened_from}"' in page
        page = text_of(alice_browser.get(url("clip", second) + opened_from))
        assert "2 of 3" in page
        assert f'rel="prev" href="{url("clip", third)}{opened_from}"' in page
        assert f'rel="next" href="{url("clip", first)}{opened_from}"' in page
        assert f'href="{url("gallery")}?q=boat&amp;resolution=480p#clip-{second.pk}"' in page
        part = text_of(alice_browser.get(url("clip", first) + opened_from, headers=HTMX))
        assert f'data-known data-previous="{url("clip", second)}">3 of 3</span>' in part

    def test_back_to_the_place_on_a_later_page(
        self, alice_browser: Client, url: Url, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tchavi_studio.gallery.library.queries.PAGE_LENGTH", 1)
        first, second, _third = (make_clip() for _number in range(3))
        page = text_of(alice_browser.get(url("clip", first) + "?in=scope%3Dmine"))
        after = second.entry.key
        assert f'href="{url("gallery")}?after={after}#clip-{first.pk}"' in page

    def test_without_a_list_there_is_none(self, alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
        page = text_of(alice_browser.get(url("clip", make_clip())))
        assert "clip-place" not in page
        assert f'href="{url("gallery")}"' in page
        assert alice_browser.get(url("clip", make_clip()) + "?in=%00&in=junk").status_code == 200
