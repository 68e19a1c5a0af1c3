"""A studio that earlier code filled, after today's migrations, at a moment when all that was under way has come due."""

import gzip
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import psycopg
import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.test import Client
from pytest_django import DjangoDbBlocker, Settings

from tests.databases import Database, Template, make_template
from tests.upstream.service import API_KEY
from tests.webhooks.conftest import receiver

__all__ = ["receiver"]

ROOT = Path(__file__).parents[2]
FIXTURES = sorted(path for path in Path(__file__).parent.joinpath("fixtures").iterdir() if path.is_dir())

DOWNTIME = timedelta(minutes=15)
"""How long the upgrade takes: longer than any lease, and than a lost submission is waited for."""


@dataclass(frozen=True)
class OldStudio:
    """What an earlier commit's code left behind."""

    folder: Path
    facts: dict[str, Any]

    def upgrade(self, database: Database) -> None:
        """Restore the old database into an empty one and migrate it, as an operator does."""
        if database.url.startswith("sqlite"):
            with closing(sqlite3.connect(database.name)) as connection:
                connection.executescript(self._dump("sqlite"))
        else:
            with psycopg.connect(database.url) as session:
                session.execute(self._dump("postgresql").encode())
        migrate = [sys.executable, "-W", "error", "manage.py", "migrate", "--no-input", "--verbosity", "0"]
        subprocess.run(migrate, cwd=ROOT, env=database.environment, check=True)

    def _dump(self, name: str) -> str:
        return gzip.decompress((self.folder / f"{name}.sql.gz").read_bytes()).decode()


@pytest.fixture(scope="module", params=FIXTURES, ids=lambda folder: folder.name)
def old_studio(request: pytest.FixtureRequest) -> OldStudio:
    return OldStudio(request.param, json.loads((request.param / "facts.json").read_text()))


@pytest.fixture(scope="module")
def database_template(
    old_studio: OldStudio,
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Template]:
    """The upgraded database. Each test gets a copy of it, so it is migrated once."""
    with django_db_blocker.unblock():
        template = make_template(tmp_path_factory.mktemp("upgraded"), old_studio.upgrade)
        yield template
        template.drop()


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

    def state(self, name: str) -> str:
        """The clip's state, as its page tells it."""
        (state,) = re.findall(r'<article class="detail [^"]*\bis-(\w+)"', self.clip_page(name))
        return str(state)

    def failure(self, name: str, language: str) -> str:
        """Why there is no clip, as its page tells it."""
        (reasons,) = re.findall(r'<div class="fail">(.*?)</div>', self.clip_page(name, language), re.DOTALL)
        return " ".join(re.findall(r"<p>(.*?)</p>", reasons))

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


@pytest.fixture
def studio(own_database: Database, old_studio: OldStudio, settings: Settings) -> Iterator[Studio]:
    """The upgraded studio in sandbox mode, `DOWNTIME` after the old code was stopped. Time stands still."""
    shutil.copytree(old_studio.folder / "media", settings.STORAGES["default"]["OPTIONS"]["location"])
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
