"""Acts on a clip: favourites, stars, tags, collections, as forms and through htmx."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.gallery.queries import clip_detail_for_viewer, feed_for_viewer
from tchavi_studio.generations.models import Collection, Generation, Tag
from tchavi_studio.generations.organising import tags as tag_services
from tchavi_studio.generations.organising.collections import collect_clips, create_collection
from tchavi_studio.generations.organising.marks import mark_favourite, rate_clip
from tchavi_studio.generations.organising.queries import Marks
from tchavi_studio.generations.organising.tags import tag_clips
from tchavi_studio.generations.visibility import Scope
from tchavi_studio.workspaces.models import Membership, Role, User, Visibility, Workspace
from tests.gallery.conftest import HTMX, MakeClip, Url, cards_of, text_of

Post = Callable[..., object]


@pytest.fixture
def bobs_browser(bob: User, workspace: Workspace) -> Client:
    """Bob, who only watches and comments."""
    Membership.objects.create(workspace=workspace, user=bob, role=Role.VIEWER)
    browser = Client()
    browser.force_login(bob)
    return browser


def marks_of(membership: Membership, clip: Generation) -> Marks:
    return clip_detail_for_viewer(membership=membership, generation_id=clip.pk).card.marks


def test_a_favourite_by_a_form_and_by_htmx(
    alice_browser: Client, membership: Membership, url: Url, make_clip: MakeClip
) -> None:
    clip = make_clip()
    answer = alice_browser.post(url("favourite", clip), headers={"Referer": url("gallery")})
    assert (answer.status_code, answer.headers["Location"]) == (302, url("gallery"))
    assert marks_of(membership, clip) == Marks(is_favourite=True)
    page = text_of(alice_browser.get(url("gallery")))
    assert f'action="{url("unfavourite", clip)}"' in page
    part = text_of(alice_browser.post(url("unfavourite", clip), headers=HTMX))
    assert marks_of(membership, clip) == Marks()
    assert f'<form class="favourite" id="favourite-{clip.pk}"' in part
    assert f'<section class="organise" id="organise-{clip.pk}"' in part
    assert part.count('hx-swap-oob="true"') == 2


def test_a_changed_card_brings_its_heart_along(alice_browser: Client, url: Url, make_clip: MakeClip) -> None:
    """As a part of the card, not of its own: htmx would take it out of the card."""
    part = text_of(alice_browser.post(url("share", make_clip()), headers=HTMX))
    assert part.count('hx-swap-oob="true"') == 1 + part.count('id="binned-')
    assert part.count('class="favourite"') == 1


def test_stars(
    alice_browser: Client, bobs_browser: Client, membership: Membership, url: Url, make_clip: MakeClip
) -> None:
    clip = make_clip(visibility=Visibility.WORKSPACE)
    alice_browser.post(url("rate", clip), {"stars": "4"})
    part = text_of(bobs_browser.post(url("rate", clip), {"stars": "5"}, headers=HTMX))
    assert "<b>4.5</b> from 2 ratings" in part
    assert marks_of(membership, clip) == Marks(stars=4)
    assert 'role="img" aria-label="Rating"' in text_of(alice_browser.get(url("gallery")))
    alice_browser.post(url("rate", clip), {"stars": "0"})
    assert "<b>5.0</b> from 1 rating" in text_of(alice_browser.get(url("clip", clip)))
    for stars in ("6", "", "-1", "x"):
        assert alice_browser.post(url("rate", clip), {"stars": stars}).status_code == 400


def test_tags(alice_browser: Client, bobs_browser: Client, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip(visibility=Visibility.WORKSPACE)
    part = text_of(alice_browser.post(url("add_tag", clip), {"name": "<b>Gold</b>"}, headers=HTMX))
    assert "&lt;b&gt;Gold&lt;/b&gt;" in part
    assert "<b>Gold" not in part
    tag = Tag.objects.get()
    remove = f"{url('clip', clip)}tags/{tag.pk}/remove/"
    assert remove in part
    seen = text_of(bobs_browser.get(url("clip", clip)))
    assert f"tag={tag.pk}" in seen
    assert remove not in seen
    assert bobs_browser.post(remove).status_code == 403
    assert bobs_browser.post(url("add_tag", clip), {"name": "x"}).status_code == 403
    refused = alice_browser.post(url("add_tag", clip), {"name": "!"}, headers=HTMX)
    assert refused.status_code == 422
    assert "Choose another name." in text_of(refused)
    options = alice_browser.get(f"{url('gallery').removesuffix('gallery/')}tags/", {"name": "silver"})
    assert text_of(options) == ""
    options = alice_browser.get(f"{url('gallery').removesuffix('gallery/')}tags/", {"name": "b gol"})
    assert text_of(options) == '<option value="&lt;b&gt;Gold&lt;/b&gt;"></option>'
    alice_browser.post(remove)
    assert not Tag.objects.exists()


def test_too_many_tags_are_refused_in_words(
    alice_browser: Client, url: Url, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tag_services, "MAX_TAGS_PER_CLIP", 1)
    clip = make_clip()
    alice_browser.post(url("add_tag", clip), {"name": "a"})
    answer = alice_browser.post(url("add_tag", clip), {"name": "b"}, follow=True)
    assert "A clip can have 1 tags, and this would be one more." in text_of(answer)


def test_collecting(alice_browser: Client, url: Url, make_clip: MakeClip, membership: Membership) -> None:
    clip = make_clip()
    there = create_collection(membership=membership, name="Reel")
    part = text_of(alice_browser.post(url("collect", clip), {"collection": there.pk}, headers=HTMX))
    assert f'<a href="/w/{membership.workspace.slug}/collections/{there.pk}/">Reel</a>' in part
    assert "Added to the collection." in part
    alice_browser.post(url("collect", clip), {"name": "Friday"})
    assert sorted(Collection.objects.values_list("name", flat=True)) == ["Friday", "Reel"]
    assert Collection.objects.get(name="Friday").items.count() == 1
    assert alice_browser.post(url("collect", clip), {"collection": "999"}).status_code == 404
    assert alice_browser.post(url("collect", clip), {"collection": "9" * 18}).status_code == 404
    assert alice_browser.post(url("collect", clip), {"collection": "x"}).status_code == 400
    assert alice_browser.post(url("collect", clip), {"name": ""}, headers=HTMX).status_code == 422


@pytest.mark.parametrize("name", ["favourite", "unfavourite", "rate", "add_tag", "collect"])
def test_nobody_acts_on_what_they_do_not_see(
    bobs_browser: Client, bob: User, workspace: Workspace, url: Url, make_clip: MakeClip, name: str
) -> None:
    Membership.objects.filter(workspace=workspace, user=bob).update(role=Role.ADMIN)
    secret = make_clip()
    answer = bobs_browser.post(url(name, secret), {"stars": "5", "name": "Secret"})
    assert answer.status_code == 404
    assert not Tag.objects.exists()
    assert not Collection.objects.exists()


def test_an_archived_workspace_shows_everything_and_changes_nothing(
    alice_browser: Client, url: Url, make_clip: MakeClip, workspace: Workspace, membership: Membership
) -> None:
    clip = make_clip()
    mark_favourite(membership=membership, generation_id=clip.pk)
    tag_clips(membership=membership, generation_ids=[clip.pk], name="Rushes")
    Workspace.objects.filter(pk=workspace.pk).update(archived_at=timezone.now())
    assert cards_of(alice_browser.get(url("gallery"), {"scope": "favourites"})) == [str(clip.pk)]
    page = text_of(alice_browser.get(url("clip", clip)))
    assert "Rushes" in page
    for name in ("favourite", "unfavourite", "rate", "add_tag", "collect"):
        assert url(name, clip) not in page
        assert alice_browser.post(url(name, clip)).status_code == 403


def test_favourites_are_a_list_of_both(
    alice_browser: Client, membership: Membership, bob: User, url: Url, make_clip: MakeClip
) -> None:
    theirs = make_clip(creator=bob, visibility=Visibility.WORKSPACE)
    mine, _other = make_clip(), make_clip()
    for clip in (theirs, mine):
        mark_favourite(membership=membership, generation_id=clip.pk)
    page = alice_browser.get(url("gallery"), {"scope": "favourites"})
    assert cards_of(page) == [str(mine.pk), str(theirs.pk)]
    text = text_of(page)
    assert 'aria-current="page">Favourites <small>2</small>' in text
    assert ">2 clips<" in text
    Generation.objects.filter(pk=theirs.pk).update(is_shared=False)
    theirs.entry.is_shared = False
    theirs.entry.save()
    assert cards_of(alice_browser.get(url("gallery"), {"scope": "favourites"})) == [str(mine.pk)]


def test_operators_become_filters(alice_browser: Client, membership: Membership, url: Url, make_clip: MakeClip) -> None:
    clip = make_clip()
    tag_clips(membership=membership, generation_ids=[clip.pk], name="Golden hour")
    rate_clip(membership=membership, generation_id=clip.pk, stars=4)
    make_clip()
    tag = Tag.objects.get()
    for typed, query in (
        ("tag:golden", f"tag={tag.pk}"),
        ("tag:golden-hour", f"tag={tag.pk}"),
        ("is:fav", "favourite=yes"),
        ("stars:4", "stars=4"),
        ("is:f", "state=failed"),
    ):
        assert alice_browser.get(url("gallery"), {"q": typed}).headers["Location"] == f"{url('gallery')}?{query}"
    assert alice_browser.get(url("gallery"), {"q": "tag:silver"}).status_code == 200
    page = alice_browser.get(url("gallery"), {"stars": "4", "tag": str(tag.pk)})
    assert cards_of(page) == [str(clip.pk)]
    assert "Tag: <b>Golden hour</b>" in text_of(page)
    assert "Rating: <b>4 stars and up</b>" in text_of(page)
    reel = create_collection(membership=membership, name="Reel")
    collect_clips(membership=membership, collection_id=reel.pk, generation_ids=[clip.pk])
    page = alice_browser.get(url("gallery"), {"collection": reel.pk})
    assert (cards_of(page), "Collection: <b>Reel</b>" in text_of(page)) == ([str(clip.pk)], True)
    page = alice_browser.get(url("gallery"), {"collection": "999", "tag": "999"})
    assert (cards_of(page), "A collection that is gone" in text_of(page)) == ([], True)


@pytest.mark.parametrize("count", [1, 3])
def test_cards_have_their_marks_in_one_statement(
    membership: Membership, make_clip: MakeClip, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for _number in range(count):
        mark_favourite(membership=membership, generation_id=make_clip().pk)
    with django_assert_num_queries(5):
        feed = feed_for_viewer(membership=membership, scope=Scope.MINE)
    assert [card.marks for card in feed.cards] == [Marks(is_favourite=True)] * count
