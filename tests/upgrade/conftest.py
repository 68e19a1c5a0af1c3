"""A studio that earlier code filled, after today's migrations, at a moment when all that was under way has come due."""

import gzip
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import psycopg
import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker, Settings

from tests.databases import Database, Template, connected_to, make_template, migrate
from tests.upstream.service import API_KEY
from tests.webhooks.conftest import receiver

__all__ = ["receiver"]

FIXTURES = Path(__file__).parent / "fixtures"
NEWEST = "72588e1"
"""The only fixture that the suite upgrades. `make test-long` upgrades the older ones."""

DOWNTIME = timedelta(minutes=15)
"""How long the upgrade takes: longer than any lease, and than a lost submission is waited for."""

OWN_PRICES = {"kling-v3": {"720p": 600, "audio_surcharge": 40}}
"""What the operator has set since before prices had versions."""


@dataclass(frozen=True)
class OldStudio:
    """What an earlier commit's code left behind."""

    folder: Path
    facts: dict[str, Any]

    def upgrade(self, database: Database) -> None:
        """Restore the old database into an empty one and migrate it."""
        if database.url.startswith("sqlite"):
            Path(database.name).write_bytes(self._unpacked("sqlite3.gz"))
        else:
            with psycopg.connect(database.url) as session:
                session.execute(self._unpacked("postgresql.sql.gz"))
        with override_settings(STUDIO_PRICES=OWN_PRICES):
            migrate(database)

    def _unpacked(self, name: str) -> bytes:
        return gzip.decompress((self.folder / name).read_bytes())


def fixtures() -> list[Any]:
    """Every fixture's folder, as a parameter. Those of older commits are marked `long`."""
    folders = sorted(folder for folder in FIXTURES.iterdir() if folder.is_dir())
    assert NEWEST in {folder.name for folder in folders}
    return [
        pytest.param(folder, id=folder.name, marks=() if folder.name == NEWEST else pytest.mark.long)
        for folder in folders
    ]


@pytest.fixture(scope="module", params=fixtures())
def old_studio(request: pytest.FixtureRequest) -> OldStudio:
    return OldStudio(request.param, json.loads((request.param / "facts.json").read_text()))


@pytest.fixture(scope="module")
def database_template(
    old_studio: OldStudio,
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Template]:
    """The upgraded database, migrated once."""
    with django_db_blocker.unblock():
        template = make_template(tmp_path_factory.mktemp("upgraded"), old_studio.upgrade)
        yield template
        template.drop()


@pytest.fixture(scope="module")
def django_db_setup(database_template: Template, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """One copy of it for all tests but those that are marked `own_database`: what a test writes is rolled back."""
    with django_db_blocker.unblock(), database_template.copy() as database, connected_to(database):
        yield


@dataclass(frozen=True)
class Studio:
    """The upgraded studio, as people and programs see it."""

    facts: dict[str, Any]
    clock: time_machine.Traveller
    _browsers: dict[str, Client] = field(default_factory=dict)

    @property
    def home(self) -> str:
        """Where the pages begin of the workspace that nearly everything is in."""
        return f"/w/{self.facts['workspaces']['lagoon']}"

    def browser(self, name: str = "Ada") -> Client:
        """The browser in which this person is signed in."""
        if name not in self._browsers:
            self._browsers[name] = Client()
            self._browsers[name].force_login(get_user_model().objects.get(email=self.facts["people"][name]))
        return self._browsers[name]

    def program(self, key: str, **headers: str) -> Client:
        """A program that uses this API key."""
        return Client(headers={"Authorization": f"Bearer {self.facts['keys'][key]['text']}", **headers})

    def clip(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.facts["clips"][name]
        return found

    def clip_address(self, name: str) -> str:
        clip = self.clip(name)
        return f"/w/{clip['workspace']}/clips/{clip['id']}/"

    def clip_page(self, name: str, language: str = "en") -> str:
        """The clip's page, as the person sees it who made the clip."""
        browser = self.browser(self.clip(name)["creator"])
        return page(browser, self.clip_address(name), language=language)

    def states(self, names: Iterable[str]) -> dict[str, str]:
        """The states of some of Ada's clips, as their cards tell them."""
        cards = cards_in(page(self.browser(), f"{self.home}/gallery/"))
        states = {name: re.findall(r" is-(\w+)", cards[self.clip(name)["id"]])[0] for name in names}
        return {name: str(state) for name, state in states.items()}

    def statement(self, clip: str) -> list[tuple[str, int]]:
        """The clip's rows in the statement of the book in force, oldest first."""
        rows = self.program("plain").get("/v1/credits?limit=50").json()["statement"]
        job_id = self.clip(clip)["job_id"]
        return [(row["kind"], row["amount"]) for row in reversed(rows) if row["job_id"] == job_id]


def page(browser: Client, path: str, *, language: str = "en") -> str:
    """A page that must be there, with its entities read."""
    answer = browser.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200, path
    return unescape(answer.content.decode())


def state_in(clip_page: str) -> str:
    (state,) = re.findall(r'<article class="detail [^"]*\bis-(\w+)"', clip_page)
    return str(state)


def failure_in(shown: str) -> str:
    """Why there is no clip, as its page or its card tells it."""
    (reasons,) = re.findall(r'<div class="fail">(.*?)</div>', shown, re.DOTALL)
    return " ".join(re.findall(r"<p>(.*?)</p>", reasons))


def cards_in(gallery: str) -> dict[str, str]:
    """The cards of a page of the gallery, by their clips' ids."""
    cards = re.findall(r'<article id="clip-([0-9a-f-]{36})"(.*?)</article>', gallery, re.DOTALL)
    return dict(cards)


def clips_in(list_page: str) -> list[str]:
    """The ids of the clips that a page links to, in its order."""
    return list(dict.fromkeys(re.findall(r"/clips/([0-9a-f-]{36})/", list_page)))


def choices_in(form_page: str) -> list[str]:
    """What is entered and ticked in a page's forms."""
    fields = [
        (field, dict(re.findall(r'([\w-]+)="([^"]*)"', field))) for field in re.findall(r"<input([^>]*)>", form_page)
    ]
    return sorted(
        f"{named['name']}={named.get('value', 'on')}"
        for field, named in fields
        if "name" in named
        and named.get("type") != "hidden"
        and (" checked" in field or named.get("type") not in ("checkbox", "radio"))
    )


@pytest.fixture
def studio(db: None, old_studio: OldStudio, settings: Settings) -> Iterator[Studio]:
    """The upgraded studio in sandbox mode, `DOWNTIME` after the old code was stopped. Time stands still."""
    # Links: what is deleted or replaced is a link, never the fixture's file.
    media = settings.STORAGES["default"]["OPTIONS"]["location"]
    shutil.copytree(old_studio.folder / "media", media, copy_function=os.symlink)
    settings.SECRET_KEY = old_studio.facts["secret_key"]
    # The one that operators have: the old code made the passwords with it.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    started_at = datetime.fromisoformat(old_studio.facts["moment"]) + DOWNTIME
    with time_machine.travel(started_at, tick=False) as clock:
        yield Studio(old_studio.facts, clock)


@pytest.fixture
def live(settings: Settings, old_studio: OldStudio) -> None:
    """The studio in live mode, as it was when the old code was stopped."""
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    settings.STUDIO_PROVIDER_API_KEY = API_KEY
    settings.STUDIO_PROVIDER_URL = old_studio.facts["base_url"]
