"""Fixtures for every app's tests."""

import fcntl
import math
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.test import Client
from django.utils import timezone, translation
from pytest_django import DjangoDbBlocker, Settings

from tchavi_studio.generations.models import PriceVersion
from tchavi_studio.generations.price_list import published_prices
from tchavi_studio.generations.price_versions.queries import known_versions
from tchavi_studio.workspaces.models import Membership, User, Workspace
from tchavi_studio.workspaces.services import welcome_person
from tests.databases import Database, Template, connected_to, drop_template, make_template
from tests.probing import InThisProcess

PutInForce = Callable[[dict[str, dict[str, int]]], PriceVersion]

# How fast a machine is says nothing about the code.
hypothesis.settings.register_profile("studio", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("studio")

PASSWORD = "golden hour 17"
FIRST_PRICES_AT = datetime(2026, 1, 1, tzinfo=UTC)
DATABASE_FIXTURES = {"db", "own_database", "database_template"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL, skip tests without a database or marked `one_database`: the SQLite run covers them."""
    if "TEST_DATABASE_URL" not in os.environ:
        return

    def uses_database(item: pytest.Item) -> bool:
        if item.get_closest_marker("one_database") is not None:
            return False
        fixtures = set(getattr(item, "fixturenames", ()))
        return bool(DATABASE_FIXTURES & fixtures) or item.get_closest_marker("django_db") is not None

    config.hook.pytest_deselected(items=[item for item in items if not uses_database(item)])
    items[:] = filter(uses_database, items)


@pytest.fixture(scope="session")
def media_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Names of folders that don't exist yet. A storage makes its own when it stores the first file."""
    folder = tmp_path_factory.mktemp("media")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def temporary_media(media_folders: Iterator[Path], settings: Settings) -> None:
    """Each test stores its files in an empty folder."""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": next(media_folders), "file_permissions_mode": 0o600},
        },
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """A request leaves its language active in the thread, so each test starts in English."""
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True)
def known_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test knows the first version of the prices, so that the clock doesn't decide who reads it from the database.

    A version that a test writes is known after `known_versions.forget()`.
    """
    first = PriceVersion(number=1, valid_from=FIRST_PRICES_AT, created_at=FIRST_PRICES_AT, prices=published_prices())
    monkeypatch.setattr(known_versions, "_versions", [first])
    monkeypatch.setattr(known_versions, "_until_seconds", math.inf)


@pytest.fixture
def put_in_force(alice: User) -> PutInForce:
    """Puts a version with these prices instead of the published ones in force at once."""

    def put(overrides: dict[str, dict[str, int]]) -> PriceVersion:
        now = timezone.now()
        version = PriceVersion.objects.create(
            number=PriceVersion.objects.count() + 1,
            valid_from=now,
            prices=published_prices(overrides),
            reason="For the test",
            author=alice,
            created_at=now - timedelta(minutes=2),
        )
        known_versions.forget()
        return version

    return put


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[None]:
    """Fail a test that connects to another machine, instead of passing only where there is a network."""

    def guarded(original: Any) -> Any:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                host = str(address[0])
                assert host.startswith("127.") or host in ("::1", "localhost"), f"a test tried to reach {host}"
            return original(self, address)

        return connect

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
        monkeypatch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
        yield


@pytest.fixture(autouse=True)
def probing_in_this_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open uploads and clips in the test's own process, except in tests marked `sandboxed`."""
    if request.node.get_closest_marker("sandboxed") is None:
        monkeypatch.setattr("tchavi_studio.assets.probe.SandboxedProcess", InThisProcess)


# --- Databases --------------------------------------------------------------------------------------------------------


def shared_folder(config: pytest.Config) -> Path:
    """A folder that all workers of this run share, and with `make test` all of its steps on one database."""
    if "TEST_TEMPLATE" in os.environ:
        return Path(os.environ["TEST_TEMPLATE"])
    # Nothing public says where a run keeps its files before the first fixture asks.
    base: Path = config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    folder = (base.parent if hasattr(config, "workerinput") else base) / "databases"
    folder.mkdir(exist_ok=True)
    return folder


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Drop the template once no worker needs it any more, unless other steps of `make test` do."""
    if not hasattr(session.config, "workerinput") and "TEST_TEMPLATE" not in os.environ:
        drop_template(shared_folder(session.config))


@pytest.fixture(scope="session")
def database_template(
    django_test_environment: None, django_db_blocker: DjangoDbBlocker, pytestconfig: pytest.Config
) -> Template:
    """The migrated database that tests get copies of. It is migrated once in a run."""
    with django_db_blocker.unblock():
        return make_template(shared_folder(pytestconfig))


@pytest.fixture(scope="session")
def django_db_setup(database_template: Template, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database of all tests that don't ask for their own, instead of pytest-django's, which migrates again."""
    with django_db_blocker.unblock(), database_template.copy() as database, connected_to(database):
        yield


@pytest.fixture
def own_database(database_template: Template, django_db_blocker: DjangoDbBlocker) -> Iterator[Database]:
    """A fresh, migrated database with real transactions, for tests with threads and subprocesses.

    Threads close their connections to it (`django.db.connections.close_all()`); subprocesses get it through
    `own_database.environment`. Mark the test `own_database` so that `alice` and the other fixtures are in it too.
    """
    with django_db_blocker.unblock(), database_template.copy() as database, connected_to(database):
        yield database


@pytest.fixture
def db(request: pytest.FixtureRequest) -> None:
    """The test's database: a fresh one if it is marked `own_database`, else pytest-django's."""
    marked = request.node.get_closest_marker("own_database") is not None
    request.getfixturevalue("own_database" if marked else "db")


# --- Studios in processes of their own --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def prepared_data(pytestconfig: pytest.Config) -> Path:
    """A data folder with its static files collected, to be copied: hashing and compressing them takes seconds."""
    shared = shared_folder(pytestconfig)
    data = shared / "data"
    with (shared / "data.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not data.exists():
            unfinished = shared / "unfinished_data"
            code = "from tchavi_studio.operations.preparation import collect_static_files; collect_static_files()"
            subprocess.run(
                [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
                env={
                    **Database(name="", url=f"sqlite:///{shared}/unused.sqlite3").environment,
                    "STUDIO_DATA": str(unfinished),
                },
                check=True,
            )
            unfinished.rename(data)
    return data


# --- People -----------------------------------------------------------------------------------------------------------


def make_person(name: str) -> User:
    """A user with their own workspace, as sign-up would create it."""
    user = User.objects.create_user(f"{name.lower()}@example.org", PASSWORD, name=name)
    welcome_person(user=user)
    return user


@pytest.fixture
def alice(db: None) -> User:
    """The test's main user. As the first user, she is the site admin too."""
    return make_person("Alice")


@pytest.fixture
def bob(alice: User) -> User:
    """Another user, with his own workspace."""
    return make_person("Bob")


@pytest.fixture
def workspace(alice: User) -> Workspace:
    """Alice's workspace."""
    return Workspace.objects.get(memberships__user=alice)


@pytest.fixture
def membership(workspace: Workspace, alice: User) -> Membership:
    """Alice's membership in her workspace."""
    return Membership.objects.get(workspace=workspace, user=alice)


@pytest.fixture
def alice_browser(alice: User, client: Client) -> Client:
    """A test client signed in as Alice."""
    client.force_login(alice)
    return client
