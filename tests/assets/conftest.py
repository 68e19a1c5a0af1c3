"""Media made once for all tests of the assets, and a shorthand for uploading it."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import TemporaryUploadedFile

from tchavi_studio.assets.models import Asset, server_made_name
from tchavi_studio.assets.services import record_asset, store_upload
from tchavi_studio.assets.serving import EXTENSIONS
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


def make_asset(workspace: Workspace, kind: str = "image", **fields: Any) -> Asset:
    """A row as a stored file leaves it, with files of a few bytes and without a probe."""
    facts: dict[str, Any] = {
        "image": {"content_type": "image/jpeg", "width": 320, "height": 300},
        "video": {"content_type": "video/mp4", "width": 640, "height": 640, "duration_seconds": 16.0},
        "audio": {"content_type": "audio/wav", "duration_seconds": 16.0},
    }[kind]
    facts |= {"origin": "upload", "original_name": f"{kind}.source"}
    content = bytes(range(256)) * 4
    asset = Asset(
        workspace=workspace,
        kind=kind,
        byte_count=len(content),
        source_sha256=uuid4().hex * 2,
        content_sha256=hashlib.sha256(content).hexdigest(),
        **(facts | fields),
    )
    roles = {"file": EXTENSIONS[asset.content_type], **({} if kind == "audio" else {"thumbnail": "webp"})}
    roles |= {"poster": "webp"} if kind == "video" else {}
    for role, extension in roles.items():
        stored = default_storage.save(server_made_name(asset, role, extension), ContentFile(content))
        setattr(asset, role, stored)
    record_asset(asset=asset)
    return asset


@pytest.fixture
def store(workspace: Workspace, alice: User) -> Store:
    """Upload a file into Alice's workspace."""

    def store(path: Path) -> Asset:
        with as_upload(path) as upload:
            return store_upload(workspace=workspace, user=alice, upload=upload)

    return store
