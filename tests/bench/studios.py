"""Studios to measure: databases filled by `seed_demo`, on whichever database the settings name."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client, override_settings

from tchavi_studio.operations.demo.plan import Demo
from tchavi_studio.operations.demo.samples import samples_without_files
from tchavi_studio.operations.demo.seeding import seed_clips
from tchavi_studio.workspaces.models import Membership, User
from tests.api.conftest import Program
from tests.conftest import make_person
from tests.databases import Database, Template, connected_to, make_template

SMALL = 1_000


@dataclass
class Studio:
    """One database with a demo of `clip_count` clips, a browser signed in as its owner, and a program with its key."""

    clip_count: int
    key: str
    connection: BaseDatabaseWrapper

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Make this studio's database the one that Django uses. Its connection stays open, and its cache warm."""
        others = connections["default"]
        connections["default"] = self.connection
        try:
            yield
        finally:
            connections["default"] = others

    @cached_property
    def membership(self) -> Membership:
        return Membership.objects.select_related("workspace", "user").get()

    @cached_property
    def browser(self) -> Client:
        browser = Client()
        browser.force_login(self.membership.user)
        return browser

    @cached_property
    def program(self) -> Program:
        return Program(self.key)

    @property
    def home(self) -> str:
        return f"/w/{self.membership.workspace.slug}/"


@contextmanager
def studios(*clip_counts: int) -> Iterator[list[Studio]]:
    """A studio for each number of clips, with settings that let them be measured."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="studio-bench-")))
        files = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": folder / "media"}}
        static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
        stack.enter_context(
            override_settings(
                ALLOWED_HOSTS=["testserver"],
                STORAGES={"default": files, "staticfiles": static},
                STUDIO_API_RPM_PER_KEY=1_000_000,
                STUDIO_API_RPM_PER_ADDRESS=1_000_000,
                # A million demo clips count as more than the usual quota.
                STUDIO_WORKSPACE_QUOTA_BYTES=10**15,
                # Transfers are dated like their clips only in an empty wallet: statements never go back in time.
                STUDIO_SIGNUP_CREDITS=0,
            )
        )
        template = make_template(folder)
        stack.callback(template.drop)
        yield [stack.enter_context(_studio(template, clip_count)) for clip_count in clip_counts]


@contextmanager
def _studio(template: Template, clip_count: int) -> Iterator[Studio]:
    with template.copy() as database, connected_to(database):
        person = make_person("Awa")
        key = fill(person, clip_count)
        connection = _connection(database)
        try:
            yield Studio(clip_count, key, connection)
        finally:
            connection.close()


def fill(person: User, clip_count: int) -> str:
    """Fill a person's workspace; returns the API key behind a part of the clips."""
    workspace = Membership.objects.get(user=person).workspace
    demo = Demo(workspace, person, clip_count, 1, samples_without_files())
    live_key, _test_key = seed_clips(demo, on_progress=lambda count: print(f"… {count:,} clips", flush=True))
    return live_key.key


def _connection(database: Database) -> BaseDatabaseWrapper:
    connection = connections.create_connection("default")
    connection.settings_dict = {**connection.settings_dict, "NAME": database.name}
    return connection
