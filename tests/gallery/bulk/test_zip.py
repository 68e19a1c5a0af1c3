"""Zips of clips: what is in them, in which parts they come, and who may have one when."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.files.base import ContentFile
from django.core.signals import request_finished
from django.db import close_old_connections, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tchavi_studio.gallery.bulk import zip_parts as parts_module
from tchavi_studio.gallery.bulk import zip_stream, zip_views
from tchavi_studio.gallery.bulk.zip_parts import clips_of_part, zip_parts
from tchavi_studio.gallery.bulk.zip_stream import ZipStream
from tchavi_studio.generations.bulk import zip_slots
from tchavi_studio.generations.bulk.models import ZipSlot
from tchavi_studio.generations.bulk.selection import Listed, Named, Selection
from tchavi_studio.generations.bulk.zip_slots import SlotTakenError, give_back_zip_slot, take_zip_slot
from tchavi_studio.generations.library.filters import Filters
from tchavi_studio.generations.library.models import LibraryEntry
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.generations.visibility import Scope
from tchavi_studio.runtime.leases import ClaimLostError
from tchavi_studio.workspaces.models import Membership, User, Visibility
from tests.conftest import make_person
from tests.databases import Database
from tests.gallery.bulk.conftest import Address
from tests.gallery.conftest import MakeClip, text_of
from tests.ledger.test_concurrency import outcomes_of
from tests.plans import listed_by_index

MINE = Listed(scope=Scope.MINE, filters=Filters())


def keep(clip: Generation, content: bytes) -> Generation:
    """Give a clip this file."""
    assert clip.output is not None
    clip.output.file.save(f"{clip.pk}.mp4", ContentFile(content), save=False)
    clip.output.byte_count = len(content)
    clip.output.content_sha256 = hashlib.sha256(content).hexdigest()
    clip.output.save()
    return clip


def missing(clip: Generation) -> None:
    assert clip.output is not None
    clip.output.file.storage.delete(str(clip.output.file.name))


def archive_of(response: Any) -> ZipFile:
    assert response.status_code == 200
    sent = b"".join(response)
    assert len(sent) == int(response["Content-Length"])
    archive = ZipFile(io.BytesIO(sent))
    assert archive.testzip() is None
    return archive


def manifest(archive: ZipFile) -> list[dict[str, Any]]:
    clips: list[dict[str, Any]] = json.loads(archive.read("manifest.json"))["clips"]
    return clips


def stream_of(selection: Selection, membership: Membership) -> ZipStream:
    (part,) = zip_parts(selection, membership=membership)
    return ZipStream(clips_of_part(part, membership=membership), take_zip_slot(membership.user))


# --- What is in them --------------------------------------------------------------------------------------------------


def test_files_and_manifests(alice_browser: Client, alice: User, address: Address, make_clip: MakeClip) -> None:
    first = keep(make_clip(prompt="Dawn over the lagoon"), b"a" * 700_000)
    second = keep(make_clip(prompt='=HYPERLINK("x") à la nuit'), b"bb")
    make_clip(State.FAILED)
    answer = alice_browser.post(address("zip"), {"clips": [str(second.pk), str(first.pk)]})
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"] == 'attachment; filename="alices-studio-clips.zip"'
    archive = archive_of(answer)
    names = [f"0001-hyperlinkx-a-la-nuit-{second.pk.hex[:8]}.mp4", f"0002-dawn-over-the-lagoon-{first.pk.hex[:8]}.mp4"]
    assert archive.namelist() == [*names, "manifest.csv", "manifest.json"]
    assert [archive.read(name) for name in names] == [b"bb", b"a" * 700_000]
    assert {info.compress_type for info in archive.infolist()} == {0}
    assert manifest(archive)[1] == {
        "file": names[1],
        "id": str(first.pk),
        "prompt": "Dawn over the lagoon",
        "model": "seedance-2",
        "mode": "text",
        "duration_seconds": 5,
        "resolution": "480p",
        "aspect_ratio": first.aspect_ratio,
        "generate_audio": True,
        "seed": first.seed,
        "cost_credits": 1_300,
        "creator": "Alice",
        "created_at": first.created_at.isoformat(),
        "byte_count": 700_000,
        "sha256": hashlib.sha256(b"a" * 700_000).hexdigest(),
        "references": [],
    }
    rows = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode())))
    assert [row["file"] for row in rows] == names
    assert rows[0]["prompt"] == '\'=HYPERLINK("x") à la nuit'
    assert rows[1]["seed"] == str(first.seed)


def test_all_results_by_a_link(alice_browser: Client, address: Address, make_clip: MakeClip) -> None:
    boat = keep(make_clip(prompt="A paper boat"), b"boat")
    make_clip()
    archive = archive_of(alice_browser.get(address("zip"), {"all": "1", "query": "q=boat"}))
    assert [clip["id"] for clip in manifest(archive)] == [str(boat.pk)]


def test_only_what_the_viewer_sees(bob_here: Membership, client: Client, address: Address, make_clip: MakeClip) -> None:
    hidden, shared = keep(make_clip(), b"1"), keep(make_clip(visibility=Visibility.WORKSPACE), b"2")
    client.force_login(bob_here.user)
    archive = archive_of(client.post(address("zip"), {"clips": [str(hidden.pk), str(shared.pk)]}))
    assert [clip["id"] for clip in manifest(archive)] == [str(shared.pk)]
    nothing = client.post(address("zip"), {"clips": [str(hidden.pk)]})
    assert nothing.status_code == 302
    assert "None of these clips has a file to download yet." in text_of(client.get(address("gallery")))


def test_a_missing_file_is_named(alice_browser: Client, address: Address, make_clip: MakeClip) -> None:
    lost, there = keep(make_clip(), b"lost"), keep(make_clip(), b"there")
    missing(lost)
    archive = archive_of(alice_browser.post(address("zip"), {"clips": [str(lost.pk), str(there.pk)]}))
    clips = manifest(archive)
    assert [(clip["id"], clip["file"]) for clip in clips] == [
        (str(lost.pk), None),
        (str(there.pk), archive.namelist()[0]),
    ]
    assert len(archive.namelist()) == 3


def test_a_file_that_goes_missing_on_the_way(membership: Membership, make_clip: MakeClip) -> None:
    clips = [keep(make_clip(), bytes([number]) * 300_000) for number in range(3)]
    stream = stream_of(Named([clip.pk for clip in clips]), membership)
    sent = next(stream)
    missing(clips[1])
    sent += b"".join(stream)
    stream.close()
    assert len(sent) == stream.length, "what was announced still holds"
    archive = ZipFile(io.BytesIO(sent))
    assert archive.testzip() is None
    found = {clip["id"]: clip["file"] for clip in manifest(archive)}
    assert found[str(clips[1].pk)] is None
    assert archive.read(found[str(clips[2].pk)]) == b"\2" * 300_000
    assert len(archive.namelist()) == 4


def test_no_such_clips(alice_browser: Client, address: Address) -> None:
    for fields in ({"clips": "x"}, {"all": "1", "after": "x"}, {"all": "1", "part": "x"}, {"all": "1", "first": "-1"}):
        assert alice_browser.post(address("zip"), fields).status_code == 400
    assert alice_browser.post(address("zip")).status_code == 302


# --- Parts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("selection", ["named", "listed"])
def test_parts(
    alice_browser: Client, address: Address, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch, selection: str
) -> None:
    monkeypatch.setattr(parts_module, "MAX_PART_BYTES", 10)
    monkeypatch.setattr(parts_module, "PAGE_LENGTH", 2)
    clips = [keep(make_clip(), bytes(size)) for size in (4, 6, 5, 12, 1)]
    newest_first = [str(clip.pk) for clip in reversed(clips)]
    fields = {"clips": newest_first} if selection == "named" else {"all": "1", "query": "model=seedance-2"}
    page = text_of(alice_browser.post(address("zip"), fields))
    assert "they come in 4 parts" in page
    assert re.findall(r"<b>Part (\d)</b><small>(\d clips?) · (\d+ bytes?)", page) == [
        ("1", "1 clip", "1 byte"),
        ("2", "1 clip", "12 bytes"),
        ("3", "1 clip", "5 bytes"),
        ("4", "2 clips", "10 bytes"),
    ]
    # A clip made meanwhile moves nothing.
    keep(make_clip(), bytes(3))
    found = []
    listed = page.partition('class="zip-parts"')[2].partition("</ol>")[0]
    for number, form in enumerate(re.findall(r"<form.*?</form>", listed), start=1):
        sent: dict[str, list[str]] = {}
        for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form):
            sent.setdefault(name, []).append(value)
        answer = alice_browser.post(address("zip"), sent)
        assert answer["Content-Disposition"] == f'attachment; filename="alices-studio-clips-part-{number}.zip"'
        found.append([clip["id"] for clip in manifest(archive_of(answer))])
    assert found == [newest_first[:1], newest_first[1:2], newest_first[2:3], newest_first[3:]]


def test_further_parts(
    alice_browser: Client, address: Address, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts_module, "MAX_PART_CLIPS", 1)
    monkeypatch.setattr(zip_views, "MAX_PARTS_SHOWN", 2)
    for _number in range(4):
        make_clip()
    page = text_of(alice_browser.get(address("zip"), {"all": "1"}))
    assert "Here are the first 2 parts." in page
    (form,) = re.findall(r"<form[^>]*>(?:(?!<form).)*Further parts", page)
    sent = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    page = text_of(alice_browser.post(address("zip"), sent))
    assert re.findall(r"<b>Part (\d)</b>", page) == ["3", "4"]
    assert "Further parts" not in page


def test_cost(alice_browser: Client, address: Address, make_clip: MakeClip) -> None:
    alice_browser.post(address("selected"))
    counts = []
    for _number in range(3):
        keep(make_clip(), b"x")
        with CaptureQueriesContext(connection) as captured:
            archive_of(alice_browser.get(address("zip"), {"all": "1"}))
        counts.append(len(captured))
    assert counts[0] >= counts[1] == counts[2]
    with listed_by_index(LibraryEntry, Generation):
        b"".join(alice_browser.get(address("zip"), {"all": "1", "query": "scope=workspace&model=seedance-2"}))
        list(zip_parts(MINE, membership=Membership.objects.get()))


# --- Slots ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def people(alice: User) -> Iterator[User]:
    return (make_person(f"Person {number}".replace(" ", "-")) for number in range(9))


def test_one_for_each_and_two_for_all(alice: User, bob: User, people: Iterator[User]) -> None:
    carol = next(people)
    first = take_zip_slot(alice)
    with pytest.raises(SlotTakenError) as taken:
        take_zip_slot(alice)
    assert taken.value.by_themselves
    take_zip_slot(bob)
    with pytest.raises(SlotTakenError) as taken:
        take_zip_slot(carol)
    assert not taken.value.by_themselves
    with pytest.raises(SlotTakenError) as taken:
        take_zip_slot(alice)
    assert taken.value.by_themselves
    give_back_zip_slot(first)
    assert take_zip_slot(carol)


def test_a_killed_process_gives_its_slot_back(alice: User, bob: User) -> None:
    lost = take_zip_slot(alice)
    ZipSlot.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert take_zip_slot(alice)
    assert take_zip_slot(bob)
    assert not lost.renew()


@pytest.mark.own_database
def test_a_crowd_at_the_slots(own_database: Database, alice: User, bob: User, people: Iterator[User]) -> None:
    crowd = [alice, bob, *people]
    calls: list[Callable[[], object]] = [partial(take_zip_slot, person) for person in [*crowd, *crowd]]
    assert outcomes_of(calls) == {"Claim": 2, "SlotTakenError": 20}
    assert ZipSlot.objects.filter(user__isnull=False).count() == 2


def test_busy_in_words(alice_browser: Client, alice: User, address: Address, make_clip: MakeClip) -> None:
    keep(make_clip(), bytes(600_000))
    running = alice_browser.get(address("zip"), {"all": "1"})
    busy = alice_browser.get(address("zip"), {"all": "1"})
    assert (busy.status_code, busy["Retry-After"]) == (429, "60")
    assert "<h1>You're downloading a zip already</h1>" in text_of(busy)
    # Somebody who goes away before the first byte gives the slot back too.
    # As the server does, but with the test's own connection to the database.
    request_finished.disconnect(close_old_connections)
    running.close()
    request_finished.connect(close_old_connections)
    archive_of(alice_browser.get(address("zip"), {"all": "1"}))
    ZipSlot.objects.update(user=None, leased_by=None, leased_until=timezone.now() + timedelta(minutes=1))
    busy = alice_browser.get(address("zip"), {"all": "1"})
    assert busy.status_code == 429
    assert "<h1>Others are downloading zips</h1>" in text_of(busy)


def test_the_slot_is_renewed_on_the_way(
    membership: Membership, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(make_clip(), bytes(900_000))
    stream = stream_of(MINE, membership)
    monkeypatch.setattr(zip_stream, "RENEW_SECONDS", 0.0)
    ZipSlot.objects.filter(user=membership.user).update(leased_until=timezone.now() + timedelta(seconds=9))
    next(stream)
    until = ZipSlot.objects.get(user=membership.user).leased_until
    assert until is not None
    assert until > timezone.now() + zip_slots.ZIP_LEASE - timedelta(minutes=1)
    ZipSlot.objects.update(user=None, leased_by=None, leased_until=None)
    with pytest.raises(ClaimLostError):
        next(stream)
    stream.close()


def test_a_failure_gives_the_slot_back(
    alice_browser: Client, address: Address, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_clip()

    def fail(*_arguments: object) -> None:
        raise OSError("The disk is gone.")

    monkeypatch.setattr(zip_stream, "_members", fail)
    with pytest.raises(OSError, match="The disk is gone"):
        alice_browser.get(address("zip"), {"all": "1"})
    assert not ZipSlot.objects.filter(user__isnull=False).exists()
