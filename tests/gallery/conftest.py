"""Clips in any state, and helpers to read pages."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.assets.models import Asset, Kind, Origin
from tchavi_studio.gallery import queries
from tchavi_studio.gallery.library import queries as library_queries
from tchavi_studio.generations.library.entries import entries_of, entry_of
from tchavi_studio.generations.models import OPEN_STATES, Generation, State
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.services import start_generation
from tchavi_studio.generations.validation import validate
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.workspaces.models import User, Visibility, Workspace

MakeClip = Callable[..., Generation]
Url = Callable[..., str]


class Answer(Protocol):
    """The test client's response, as far as it's used here."""

    status_code: int

    @property
    def content(self) -> bytes: ...


@pytest.fixture
def live(settings: Settings) -> None:
    """Live mode, with a provider key; no test here contacts the provider."""
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    settings.STUDIO_PROVIDER_API_KEY = "sk-tch_test"
    settings.STUDIO_PROVIDER_URL = "http://127.0.0.1:9/v1"


HTMX = {"HX-Request": "true"}
"""The header with which htmx asks for a part of a page."""


def change(clip: Generation, **changes: Any) -> Generation:
    """Update a clip's row as the lifecycle would, with a new date and version."""
    changes.setdefault("updated_at", timezone.now())
    Generation.objects.filter(pk=clip.pk).update(version=F("version") + 1, **changes)
    changed = Generation.objects.select_related("workspace").get(pk=clip.pk)
    # The lifecycle would have changed the entry too.
    entries_of([clip.pk]).delete()
    entry = entry_of(changed, has_references=changed.references.exists(), has_sound=changed.generate_audio)
    entry.save(force_insert=True)
    return changed


def end(clip: Generation, state: State, **changes: Any) -> Generation:
    """Bring a clip to a final state; a completed one gets an output of four bytes."""
    if state == State.COMPLETED:
        output = Asset(
            workspace=clip.workspace,
            kind=Kind.VIDEO,
            origin=Origin.OUTPUT,
            content_type="video/mp4",
            width=clip.width,
            height=clip.height,
            duration_seconds=clip.billed_seconds,
            byte_count=4,
            source_sha256=uuid4().hex * 2,
            content_sha256=uuid4().hex * 2,
        )
        output.file.save(f"{output.pk}.mp4", ContentFile(b"clip"), save=False)
        output.save()
        changes |= {"output": output, "content_hash": "ab" * 32}
    return change(clip, state=state, finished_at=timezone.now(), **changes)


@pytest.fixture
def make_clip(workspace: Workspace, alice: User) -> MakeClip:
    """Make a private clip of Alice's in state `state`; other keyword arguments set the row's fields."""

    def make(
        state: State = State.COMPLETED,
        *,
        workspace: Workspace = workspace,
        creator: User = alice,
        visibility: Visibility = Visibility.PRIVATE,
        **changes: Any,
    ) -> Generation:
        grant_credits(
            workspace=workspace, book=settings.STUDIO_BOOK, amount_credits=20_000, actor=None, reason="for the test"
        )
        asked: dict[str, Any] = {
            name: changes.pop(name) for name in ("prompt", "resolution", "aspect_ratio") if name in changes
        }
        params = validate({"model": "seedance-2", "prompt": "Dawn over the lagoon", **asked}).params
        assert params is not None
        order = Order(workspace=workspace, creator=creator, params=params, submission_id=uuid4(), visibility=visibility)
        started = start_generation(order)
        clip = started.generations[0]
        if state in OPEN_STATES:
            return change(clip, state=state, **changes)
        return end(clip, state, **changes)

    return make


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clips a page."""
    monkeypatch.setattr(queries, "PAGE_LENGTH", 2)
    monkeypatch.setattr(library_queries, "PAGE_LENGTH", 2)


@pytest.fixture
def url(workspace: Workspace) -> Url:
    """The URL of one of the gallery's views in Alice's workspace."""

    def url_of(name: str, clip: Generation | None = None) -> str:
        return reverse(f"gallery:{name}", args=[workspace.slug, *([clip.pk] if clip else [])])

    return url_of


def text_of(response: Answer) -> str:
    """The body with whitespace collapsed."""
    return " ".join(response.content.decode().split())


def cards_of(response: Answer) -> list[str]:
    """The ids of the clips whose cards are in the response, in order."""
    return re.findall(r'<article id="clip-([0-9a-f-]{36})" class="card', response.content.decode())


def latest_of(workspace: Workspace) -> str:
    """The address of the page with a feed of the latest clips."""
    return f"/w/{workspace.slug}/create/"


def seconds_ago(seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)
