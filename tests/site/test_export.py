"""A person's data as a ZIP file: what is in it, what isn't, and that it costs little memory."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.cache import cache
from django.test import Client

from tchavi_studio.api.services import create_key
from tchavi_studio.assets.models import Asset, Origin
from tchavi_studio.assets.services import store_output
from tchavi_studio.generations import services
from tchavi_studio.generations.library.named_searches import save_search
from tchavi_studio.generations.models import CollectionItem, Favourite, Generation, LibraryEntry, Rating, State
from tchavi_studio.generations.organising.collections import collect_clips, create_collection
from tchavi_studio.generations.organising.marks import mark_favourite, rate_clip
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.site import export
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tests.conftest import PASSWORD
from tests.generations.conftest import start, write_clip
from tests.plans import listed_by_index

__all__ = ["start"]

PATH = "/account/data/export/"


def downloaded(browser: Client) -> ZipFile:
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    answer: Any = browser.post(PATH)
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"].startswith('attachment; filename="tchavi-studio-20')
    return ZipFile(io.BytesIO(b"".join(answer.streaming_content)))


def lines(archive: ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(name).splitlines()]


def test_export_takes_the_password(alice_browser: Client) -> None:
    answer = alice_browser.post(PATH)
    assert answer["Location"] == "/accounts/reauthenticate/?next=%2Faccount%2Fdata%2Fexport%2F"
    # And begins as soon as it is given.
    answer = alice_browser.post(answer["Location"], {"password": PASSWORD})
    assert answer["Content-Type"] == "application/zip"


def test_export_has_the_person_and_what_they_made(
    alice_browser: Client,
    alice: User,
    bob: User,
    workspace: Workspace,
    start: Callable[..., Generation],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(export, "ROWS_AT_A_TIME", 1)
    key = create_key(workspace=workspace, user=alice, name="Nightly")
    Membership.objects.create(workspace=workspace, user=bob, role=Role.OWNER)
    made, cancelled = start(seed=7), start(prompt="Été à Lomé")
    services.cancel_generation(generation=cancelled)
    clip = store_output(workspace=workspace, user=alice, path=write_clip(tmp_path / "clip.mp4"))
    Asset.objects.update(unowned_since=None)
    Generation.objects.filter(pk=made.pk).update(state=State.COMPLETED, output=clip, finished_at=made.created_at)
    theirs = start()
    Generation.objects.filter(pk=theirs.pk).update(creator=bob)
    LibraryEntry.objects.filter(generation=theirs).update(creator=bob)
    mine, alices = (Membership.objects.get(workspace=workspace, user=person) for person in (bob, alice))
    for clip_here in (made, cancelled):
        rate_clip(membership=alices, generation_id=clip_here.pk, stars=4)
        mark_favourite(membership=alices, generation_id=clip_here.pk)
    rate_clip(membership=mine, generation_id=theirs.pk, stars=2)
    reel = create_collection(membership=alices, name="Reel", description="Best of")
    collect_clips(membership=mine, collection_id=reel.pk, generation_ids=[theirs.pk])
    collect_clips(membership=alices, collection_id=reel.pk, generation_ids=[cancelled.pk, made.pk])
    create_collection(membership=mine, name="Bob's")
    save_search(membership=alices, name="Boats", query="q=boat")
    save_search(membership=mine, name="Bob's", query="")
    with listed_by_index(Generation, Transfer, Asset, Favourite, Rating, CollectionItem):
        archive = downloaded(alice_browser)
    assert archive.testzip() is None
    assert archive.namelist() == [
        "README.txt",
        "profile.json",
        "clips.jsonl",
        "credits.jsonl",
        "favourites.jsonl",
        "ratings.jsonl",
        "collections.jsonl",
        "searches.jsonl",
        f"files/{clip.pk}.mp4",
    ]
    profile = json.loads(archive.read("profile.json"))
    assert (profile["name"], profile["email"]) == ("Alice", "alice@example.org")
    assert profile["workspaces"] == [{"slug": "alices-studio", "name": "Alice's studio", "role": "owner"}]
    assert [each["name"] for each in profile["api_keys"]] == ["Nightly"]
    assert key.key not in str(archive.read("profile.json"))
    assert key.row.secret_sha256 not in str(archive.read("profile.json"))
    clips = {record["id"]: record for record in lines(archive, "clips.jsonl")}
    assert set(clips) == {str(made.pk), str(cancelled.pk)}
    assert clips[str(cancelled.pk)]["prompt"] == "Été à Lomé"
    assert (clips[str(made.pk)]["seed"], clips[str(made.pk)]["file"]) == (7, f"files/{clip.pk}.mp4")
    with clip.file.open("rb") as file:
        assert archive.read(f"files/{clip.pk}.mp4") == file.read()
    moved = [(row["kind"], row["change_credits"]) for row in lines(archive, "credits.jsonl")]
    assert moved == [("grant", 10_000), ("charge", -1_300), ("charge", -1_300), ("charge", -1_300)]
    of_alices = {"workspace": "alices-studio"}
    both = [{**of_alices, "clip": str(one.pk)} for one in (made, cancelled)]
    assert lines(archive, "favourites.jsonl") == both
    assert lines(archive, "ratings.jsonl") == [{**one, "stars": 4} for one in both]
    assert lines(archive, "searches.jsonl") == [{**of_alices, "name": "Boats", "query": "q=boat"}]
    (collection,) = lines(archive, "collections.jsonl")
    kept = {name: collection[name] for name in ("workspace", "name", "description", "clips")}
    # Bob's private clip is in it too, but that is none of Alice's business.
    clip_ids = [str(cancelled.pk), str(made.pk)]
    assert kept == {**of_alices, "name": "Reel", "description": "Best of", "clips": clip_ids}


def test_files_are_bounded_and_may_be_gone(
    alice: User, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    for number in range(3):
        path = write_clip(tmp_path / f"{number}.mp4", frame_count=24 + number)
        files.append(store_output(workspace=workspace, user=alice, path=path))
    Asset.objects.filter(origin=Origin.OUTPUT).update(unowned_since=None)
    _oldest, gone, newest = files
    Path(gone.file.path).unlink()
    monkeypatch.setattr(export, "MAX_FILE_BYTES", newest.byte_count + gone.byte_count)
    archive = ZipFile(io.BytesIO(b"".join(export.exported_data(alice))))
    assert archive.namelist()[8:] == [f"files/{newest.pk}.mp4"]


def test_one_export_at_a_time(alice_browser: Client, alice: User) -> None:
    alice_browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    running: Any = alice_browser.post(PATH)
    refused = alice_browser.post(PATH, follow=True)
    assert "Your data is already being downloaded." in refused.content.decode()
    list(running.streaming_content)
    assert cache.get(f"export: user {alice.pk}") is None
    assert alice_browser.post(PATH)["Content-Type"] == "application/zip"


def test_archive_is_made_while_it_is_sent() -> None:
    sent = 0

    def content() -> Any:
        nonlocal sent
        for _number in range(100):
            sent += 1
            yield bytes(100_000)

    parts = export.zipped([("files/clip.mp4", content())])
    assert (len(next(parts)) > 100_000, sent) == (True, 1)
    assert max(len(part) for part in parts) < 200_000
