"""Media made once for all tests of this room, and a shorthand for uploading it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import TemporaryUploadedFile

from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.services import store_upload
from tchavi_studio.workspaces.models import User, Workspace
from tests.assets import media

Store = Callable[[Path], Asset]


@pytest.fixture(scope="session")
def media_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made-media")


@pytest.fixture(scope="session")
def photo(media_directory: Path) -> Path:
    return media.make_image(media_directory / "photo.jpg", quality=90)


@pytest.fixture(scope="session")
def video(media_directory: Path) -> Path:
    """Two seconds at 24 frames, 640 × 640, with sound."""
    return media.make_video(media_directory / "video.mp4", audio="aac")


@pytest.fixture(scope="session")
def long_video(media_directory: Path) -> Path:
    """Sixteen seconds with sound: to be trimmed."""
    return media.make_video(media_directory / "long.mp4", seconds=16, audio="aac")


@pytest.fixture(scope="session")
def sound(media_directory: Path) -> Path:
    return media.make_wav(media_directory / "sound.wav")


def as_upload(path: Path, name: str | None = None) -> "TemporaryUploadedFile":
    """`path` as Django hands over an upload that was streamed to disk."""
    content = path.read_bytes()
    upload = TemporaryUploadedFile(name or path.name, "text/html", len(content), None)
    upload.write(content)
    upload.seek(0)
    return upload


@pytest.fixture
def store(workspace: Workspace, alice: User) -> Store:
    """Upload a file into Alice's workspace."""

    def store(path: Path) -> Asset:
        with as_upload(path) as upload:
            return store_upload(workspace=workspace, user=alice, upload=upload)

    return store
