"""What a browser would send from the composer, and files to send with it."""

import hashlib
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils.datastructures import MultiValueDict

from tchavi_studio.assets.models import Asset
from tchavi_studio.create.values import Values, default_values
from tchavi_studio.workspaces.models import Workspace

PROMPT = "Dawn over the lagoon"
MakeAsset = Callable[..., Asset]


def make_values(**changes: Any) -> Values:
    """The composer as it is found, with a prompt and a submission, and `changes`: a text, a list of texts, or None."""
    values = default_values()
    given = {"prompt": PROMPT, "submission_id": str(uuid4()), "price_credits": "1300", **changes}
    for name, value in given.items():
        items = [] if value is None else value if isinstance(value, list) else [value]
        values.setlist(name, [str(item) for item in items])
    return values


def sent(values: MultiValueDict[str, str]) -> dict[str, list[str]]:
    """`values` as the test client takes them for a POST."""
    return dict(values.lists())


@pytest.fixture
def url(workspace: Workspace) -> Callable[[str], str]:
    """The address of one of this app's views in Alice's workspace."""
    return lambda name: reverse(f"create:{name}", args=[workspace.slug])


@pytest.fixture
def make_asset(workspace: Workspace) -> MakeAsset:
    """A reference's row, with no file behind it."""

    def make(kind: str = "image", *, workspace: Workspace = workspace, **changes: Any) -> Asset:
        facts: dict[str, Any] = {
            "image": {"content_type": "image/jpeg", "width": 1600, "height": 900},
            "video": {"content_type": "video/mp4", "width": 1280, "height": 720, "duration_seconds": 5.0},
            "audio": {"content_type": "audio/wav", "duration_seconds": 4.0, "peaks": [50] * 48},
        }[kind]
        return Asset.objects.create(
            workspace=workspace,
            kind=kind,
            origin="upload",
            original_name=f"{kind}.source",
            byte_count=1,
            source_sha256=hashlib.sha256(uuid4().bytes).hexdigest(),
            content_sha256=hashlib.sha256(uuid4().bytes).hexdigest(),
            file="nowhere",
            **(facts | changes),
        )

    return make
