"""A full disk and a locked database: pages that only read keep working, and the rest says what happened."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.api.models import ApiKey, RequestCount
from tchavi_studio.api.services import create_key
from tchavi_studio.outages import is_outage, max_wait_seconds
from tchavi_studio.runtime import write_lock
from tchavi_studio.workspaces.models import Session, User, Workspace
from tests.api.conftest import BODY, Program
from tests.databases import Database


@pytest.fixture
def browser(alice: User, workspace: Workspace) -> Client:
    """Alice's browser, which shows error pages. She was in another workspace last."""
    User.objects.filter(pk=alice.pk).update(current_workspace=None)
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    return client


@pytest.fixture
def program(alice: User, workspace: Workspace) -> Program:
    return Program(create_key(workspace=workspace, user=alice, name="mine").key)


@pytest.fixture(params=["locked", "readonly"])
def outage(
    request: pytest.FixtureRequest,
    browser: Client,
    program: Program,
    own_database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """Somebody else writes for longer than we wait, or nobody can write at all."""
    with connection.cursor() as cursor, sqlite3.connect(own_database.name, isolation_level=None) as other:
        if request.param == "locked":
            monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.05)
            other.execute("BEGIN IMMEDIATE")
        else:
            cursor.execute("PRAGMA query_only = 1")
        yield
        cursor.execute("PRAGMA query_only = 0")
    other.close()


@pytest.mark.own_database
@pytest.mark.one_database
@pytest.mark.usefixtures("outage")
def test_pages_open_and_what_cannot_be_saved_says_so(browser: Client, workspace: Workspace, program: Program) -> None:
    home = f"/w/{workspace.slug}/"
    pages = ["create/", "gallery/", "gallery/bin/", "credits/", "developers/", "developers/webhooks/"]
    assert {path: browser.get(home + path).status_code for path in pages} == dict.fromkeys(pages, 200)

    answer = browser.post(f"{home}credits/play/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    page = answer.content.decode()
    assert "The studio can't save anything right now" in page
    assert "look at your clips before you do it again" in page

    answer = program.post("/videos/generations", BODY)
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert answer.json()["error"]["code"] == "service_unavailable"
    assert "same Idempotency-Key" in answer.json()["error"]["message"]


@pytest.mark.own_database
@pytest.mark.one_database
@pytest.mark.parametrize("requests_per_minute", [0, 60])
@pytest.mark.usefixtures("outage")
def test_programs_can_read_without_being_counted(
    program: Program, settings: Settings, requests_per_minute: int
) -> None:
    """Whether or not the limit is reached: what can't be counted limits nobody."""
    settings.STUDIO_API_RPM_PER_KEY = requests_per_minute
    paths = ["/models", "/jobs", "/jobs?limit=50&status=failed", "/openapi.json"]
    for path in paths:
        answer = program.get(path)
        assert (answer.status_code, "X-RateLimit-RPM-Limit" in answer) == (200, False), path
    assert program.get("/jobs/unknown").status_code == 404
    assert Program("sk-tch_unknown").get("/jobs").status_code == 401
    answer = program.post("/videos/quote", BODY)
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert RequestCount.objects.count() == 0
    assert ApiKey.objects.get().last_used_at is None


@pytest.mark.own_database
@pytest.mark.one_database
def test_a_read_waits_only_briefly_to_be_counted(
    program: Program, own_database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the usual patience of 20 s; once the writes work again, it counts and is limited."""
    settings.STUDIO_API_RPM_PER_KEY = 1
    waited: list[float] = []

    def note(usual_seconds: float) -> float:
        waited.append(max_wait_seconds(usual_seconds))
        return waited[-1]

    monkeypatch.setattr(write_lock, "max_wait_seconds", note)
    with closing(sqlite3.connect(own_database.name, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert [program.get("/jobs").status_code for _request in range(2)] == [200, 200]
        assert waited.count(0.25) == 2, "and what comes after isn't even tried"
    assert [program.get("/jobs").status_code for _request in range(2)] == [200, 429]


@pytest.mark.own_database
@pytest.mark.one_database
def test_what_a_page_can_do_without_keeps_it_waiting_only_briefly(
    browser: Client, workspace: Workspace, own_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session's last use, the workspace that was opened and when, with the usual patience of 20 s."""
    Session.objects.update(seen_at=timezone.now() - timedelta(hours=1))
    waited: list[float] = []

    def note(usual_seconds: float) -> float:
        waited.append(max_wait_seconds(usual_seconds))
        return waited[-1]

    monkeypatch.setattr(write_lock, "max_wait_seconds", note)
    with closing(sqlite3.connect(own_database.name, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert browser.get(f"/w/{workspace.slug}/gallery/").status_code == 200
        assert {0.25, 20} == set(waited), "what is read has no limit of its own, and needs none"
        assert waited.count(0.25) == 3
    assert Session.objects.get().seen_at < timezone.now() - timedelta(minutes=59)


@pytest.mark.django_db
def test_upload_to_a_full_disk(browser: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: TemporaryFileUploadHandler, raw_data: bytes, start: int) -> None:
        self.file.close()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(TemporaryFileUploadHandler, "receive_data_chunk", full)
    file = SimpleUploadedFile("a.png", b"x" * 100)
    answer = browser.post(f"/w/{workspace.slug}/create/upload/", {"file": file})
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")


@pytest.mark.own_database
@pytest.mark.one_database
def test_sqlites_errors_are_told_apart(own_database: Database) -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 1")
        with pytest.raises(OperationalError, match="full") as full:
            cursor.execute("CREATE TABLE big AS SELECT zeroblob(1000000)")
        with pytest.raises(OperationalError, match="no such column") as bug:
            cursor.execute("SELECT missing FROM ledger_account")
    assert is_outage(full.value)
    assert not is_outage(bug.value)
    wrapped = RuntimeError("while saving")
    wrapped.__cause__ = full.value
    assert is_outage(wrapped)
    assert not is_outage(None)


@pytest.mark.django_db
def test_a_bug_is_still_a_500(browser: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tchavi_studio.workspaces.queries.membership_for_viewer", None)
    answer = browser.get(f"/w/{workspace.slug}/gallery/")
    assert answer.status_code == 500
    assert "went wrong on our side" in answer.content.decode()
