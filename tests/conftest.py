"""Fixtures that every room's tests share."""

import os
import tempfile
from pathlib import Path

# Settings are read from the environment at import: tests must neither see nor touch an operator's data.
os.environ["STUDIO_DATA"] = tempfile.mkdtemp(prefix="tchavi-studio-tests-")
for name in ("TCHAVI_API_KEY", "STUDIO_PUBLIC_URL", "EMAIL_URL"):
    os.environ.pop(name, None)

import pytest
from django.test import Client

from tchavi_studio.workspaces.models import User, Workspace
from tchavi_studio.workspaces.services import welcome_person

PASSWORD = "golden hour 17"


def make_person(name: str) -> User:
    """A person with their own workspace, called after them, as sign-up would make it."""
    user = User.objects.create_user(f"{name.lower()}@example.org", PASSWORD, name=name)
    welcome_person(user=user)
    return user


@pytest.fixture(autouse=True)
def media_in_a_folder_of_its_own(tmp_path: Path, settings: pytest.FixtureRequest) -> None:
    """Files written by one test are not there for the next."""
    settings.STORAGES = {  # type: ignore[attr-defined]
        **settings.STORAGES,  # type: ignore[attr-defined]
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "media", "file_permissions_mode": 0o600},
        },
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def alice(db: None) -> User:
    """The person whose things the test is about. She is the first, so she is the site's admin too."""
    return make_person("Alice")


@pytest.fixture
def bob(alice: User) -> User:
    """Somebody else, with a workspace of his own."""
    return make_person("Bob")


@pytest.fixture
def workspace(alice: User) -> Workspace:
    """Alice's workspace."""
    return Workspace.objects.get(memberships__user=alice)


@pytest.fixture
def alice_browser(alice: User, client: Client) -> Client:
    """A test client signed in as Alice."""
    client.force_login(alice)
    return client
