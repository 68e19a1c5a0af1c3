"""The pages of collections."""

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.gallery.organising import queries
from tchavi_studio.generations.models import Collection, CollectionItem, Generation
from tchavi_studio.generations.organising.collections import collect_clips, create_collection
from tchavi_studio.workspaces.models import Membership, Role, User, Visibility, Workspace
from tests.gallery.conftest import HTMX, MakeClip, Url, cards_of, text_of
from tests.plans import listed_by_index


@pytest.fixture
def reel(membership: Membership, make_clip: MakeClip) -> tuple[Collection, list[Generation]]:
    """A collection of three shared clips."""
    clips = [make_clip(visibility=Visibility.WORKSPACE) for _number in range(3)]
    made = create_collection(membership=membership, name="Reel", description="The best")
    collect_clips(membership=membership, collection_id=made.pk, generation_ids=[clip.pk for clip in clips])
    return made, clips


def address(name: str, collection: Collection, clip: Generation | None = None) -> str:
    return reverse(f"gallery:{name}", args=[collection.workspace.slug, collection.pk, *([clip.pk] if clip else [])])


def order_of(browser: Client, collection: Collection) -> list[str]:
    return cards_of(browser.get(address("collection", collection)))


def test_making_renaming_and_deleting(alice_browser: Client, url: Url) -> None:
    assert "No collections yet" in text_of(alice_browser.get(url("collections")))
    made = alice_browser.post(url("create_collection"), {"name": "Reel"})
    collection = Collection.objects.get()
    assert made.headers["Location"] == address("collection", collection)
    changed = alice_browser.post(
        address("describe_collection", collection), {"name": "Friday <i>", "description": "One\ntwo"}, follow=True
    )
    text = text_of(changed)
    assert "<h1>Friday &lt;i&gt;</h1>" in text
    assert "No clips here yet" in text
    assert "Friday &lt;i&gt;" in text_of(alice_browser.get(url("collections")))
    refused = alice_browser.post(address("describe_collection", collection), {"name": ""}, follow=True)
    assert "A collection needs a name" in text_of(refused)
    asked = alice_browser.get(address("delete_collection", collection))
    assert "Friday &lt;i&gt; is deleted for everybody" in text_of(asked)
    assert Collection.objects.exists()
    gone = alice_browser.post(address("delete_collection", collection), follow=True)
    assert "The collection is deleted. Its clips are still there." in text_of(gone)
    assert alice_browser.get(address("collection", collection)).status_code == 404
    assert alice_browser.post(address("delete_collection", collection)).status_code == 404


def test_moving(alice_browser: Client, reel: tuple[Collection, list[Generation]]) -> None:
    collection, (first, second, third) = reel
    ids = {name: str(clip.pk) for name, clip in {"a": first, "b": second, "c": third}.items()}

    def order() -> str:
        names = {pk: name for name, pk in ids.items()}
        return "".join(names[pk] for pk in order_of(alice_browser, collection))

    assert order() == "abc"
    for clip, data, expected in (
        (first, {"place": "later"}, "bac"),
        (third, {"place": "first", "before": "", "after": ""}, "cba"),
        (third, {"after": ids["a"]}, "bac"),
        (third, {"before": ids["b"]}, "cba"),
    ):
        assert alice_browser.post(address("move", collection, clip), data, headers=HTMX).status_code == 204
        assert order() == expected
    assert alice_browser.post(address("move", collection, first), {"place": "first"}).status_code == 302
    assert order() == "acb"
    for data in ({"place": "sideways"}, {"after": "x"}, {}):
        assert alice_browser.post(address("move", collection, first), data).status_code == 400
    CollectionItem.objects.filter(entry__generation=second).delete()
    assert alice_browser.post(address("move", collection, first), {"after": ids["b"]}).status_code == 404


def test_cover_and_leaving(alice_browser: Client, url: Url, reel: tuple[Collection, list[Generation]]) -> None:
    collection, (first, second, _third) = reel
    poster = reverse("gallery:media", args=[collection.workspace.slug, first.output_id, "poster"])
    assert poster in text_of(alice_browser.get(url("collections")))
    told = alice_browser.post(address("cover", collection, second), headers=HTMX)
    assert "This clip is the collection&#x27;s cover now." in text_of(told)
    assert poster not in text_of(alice_browser.get(url("collections")))
    part = text_of(alice_browser.post(address("drop", collection, first), headers=HTMX))
    assert f'<article id="clip-{first.pk}" hidden hx-swap-oob="true">' in part
    assert alice_browser.post(address("drop", collection, second)).status_code == 302
    collection.refresh_from_db()
    assert (collection.cover, collection.items.count()) == (None, 1)
    assert alice_browser.post(address("cover", collection, first)).status_code == 404


def test_who_only_watches_sees_their_part(
    alice_browser: Client, bob: User, workspace: Workspace, url: Url, reel: tuple[Collection, list[Generation]]
) -> None:
    collection, clips = reel
    Membership.objects.create(workspace=workspace, user=bob, role=Role.VIEWER)
    alice_browser.post(url("unshare", clips[1]))
    browser = Client()
    browser.force_login(bob)
    assert order_of(browser, collection) == [str(clips[0].pk), str(clips[2].pk)]
    text = text_of(browser.get(address("collection", collection)))
    assert "2 clips · Alice" in text
    for form in ("data-move", "describe/", "delete/"):
        assert form not in text
    assert "2 clips" in text_of(browser.get(url("collections")))
    assert "3 clips" in text_of(alice_browser.get(url("collections")))
    for name in ("move", "cover", "drop"):
        assert browser.post(address(name, collection, clips[0])).status_code == 403
    # Whoever may change the collection may still not touch what they don't see.
    Membership.objects.filter(workspace=workspace, user=bob).update(role=Role.CREATOR)
    for name in ("move", "cover", "drop"):
        assert browser.post(address(name, collection, clips[1]), {"place": "first"}).status_code == 404
    moved = browser.post(address("move", collection, clips[0]), {"after": str(clips[1].pk)})
    assert moved.status_code == 404


def test_pages_follow_one_another(
    alice_browser: Client,
    membership: Membership,
    url: Url,
    reel: tuple[Collection, list[Generation]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queries, "PAGE_LENGTH", 2)
    collection, clips = reel
    with listed_by_index(CollectionItem, Collection):
        page = alice_browser.get(address("collection", collection))
    (more,) = re.findall(r'<a class="more" href="([^"]+)"', page.content.decode())
    with listed_by_index(CollectionItem, Collection):
        rest = alice_browser.get(unescape(more), headers=HTMX)
    assert cards_of(page) + cards_of(rest) == [str(clip.pk) for clip in clips]
    assert b"<html" not in rest.content
    for name in ("B", "C"):
        create_collection(membership=membership, name=name)
    page = alice_browser.get(url("collections"))
    (more,) = re.findall(r'<li class="more"><a href="([^"]+)"', page.content.decode())
    with listed_by_index(CollectionItem, Collection):
        rest = alice_browser.get(unescape(more), headers=HTMX)
    names = [re.findall(r'<p><a href="[^"]+">(\w+)</a>', one.content.decode()) for one in (page, rest)]
    assert names == [["C", "B"], ["Reel"]]
    for odd in ("x", "1", "1~x", "9" * 30, "1~" + "9" * 30, "99999999999999999~1", "~"):
        assert alice_browser.get(url("collections"), {"before": odd}).status_code == 400
        assert alice_browser.get(address("collection", collection), {"after": f"a{odd}"}).status_code == 400


@pytest.mark.parametrize("count", [1, 3])
def test_statements_are_the_same_whatever_the_length(
    alice_browser: Client,
    membership: Membership,
    url: Url,
    make_clip: MakeClip,
    django_assert_num_queries: DjangoAssertNumQueries,
    count: int,
) -> None:
    clips = [make_clip() for _number in range(count)]
    for number in range(count):
        made = create_collection(membership=membership, name=str(number))
        collect_clips(membership=membership, collection_id=made.pk, generation_ids=[clip.pk for clip in clips])
    alice_browser.get(url("collections"))
    with django_assert_num_queries(9):
        alice_browser.get(url("collections"))
    with django_assert_num_queries(12):
        alice_browser.get(address("collection", made))
