"""Every parameter that says where in a list to go on refuses what the studio didn't write, with a 400."""

import re
from pathlib import Path

import pytest
from django.test import Client

from tchavi_studio.api.services import create_key
from tchavi_studio.generations.organising.collections import create_collection
from tchavi_studio.webhooks.models import Event
from tchavi_studio.webhooks.services import create_endpoint
from tchavi_studio.workspaces.models import Membership, User, Workspace
from tests.api.conftest import Program
from tests.assets.conftest import make_asset

PAGES: dict[str, dict[str, str]] = {
    "gallery/": {"after": "", "before": ""},
    "gallery/older/": {"before": ""},
    "gallery/bin/": {"before": ""},
    "collections/": {"before": ""},
    "collections/<collection>/": {"after": ""},
    "references/": {"before": ""},
    "references/<reference>/clips/": {"before": ""},
    "storage/": {"before": "", "after": ""},
    "updates/": {"after": "0", "since": "0"},
    "credits/": {"before": "", "after": ""},
    "team/": {"after": ""},
    "developers/webhooks/<webhook>/": {"before": "", "after": ""},
    "/workspaces/": {"after": ""},
    "/notices/": {"before": ""},
    "/notices/news/": {"after": "0"},
    "/site/people/": {"after": ""},
    "/site/prices/": {"before": ""},
    "/site/activity/": {"before": ""},
    "/site/audit/": {"before": ""},
    "/v1/jobs": {"limit": "", "offset": "", "after": ""},
    "/v1/credits": {"limit": "", "before": ""},
}
"""What each list goes on from, and what a request needs to be answered at all. The site's workspaces go on from a slug,
and any slug is a place."""

LIKE_ANOTHER = {"team/activity/": {"before": ""}, "audit/": {"before": ""}}
"""A workspace's activity and audit have the site's forms."""

WITH_PARTS = {
    "gallery/",
    "gallery/bin/",
    "collections/",
    "collections/<collection>/",
    "references/",
    "references/<reference>/clips/",
    "storage/",
}
"""The lists of which htmx gets only the part that it asks for."""

ONLY_PARTS = {"gallery/older/"}
"""A browser without htmx goes on in the gallery."""

ODD = ["-62135596800000001", "-0.5", "9" * 30, "253402300800000000000", "0~x", "nan", "1\x00", "²"]
"""One of each kind: before the year 1, a fraction, beyond 64 bits, after the year 9999, two parts, words, NUL, digits
that `int` refuses."""

pytestmark = pytest.mark.django_db


@pytest.fixture
def webhook(workspace: Workspace, alice: User) -> str:
    url = "https://example.org/hook"
    return str(create_endpoint(workspace=workspace, creator=alice, url=url, events=[Event.JOB_COMPLETED]).pk)


@pytest.fixture
def reference(workspace: Workspace, alice: User) -> str:
    return str(make_asset(workspace, created_by=alice).pk)


@pytest.fixture
def collection(workspace: Workspace, alice: User) -> str:
    membership = Membership.objects.get(workspace=workspace, user=alice)
    return str(create_collection(membership=membership, name="Reel").pk)


@pytest.mark.parametrize(
    ("page", "name", "is_part"),
    [
        (page, name, is_part)
        for page, names in (PAGES | LIKE_ANOTHER).items()
        for name in names
        for is_part in ([True] if page in ONLY_PARTS else [False, True] if page in WITH_PARTS else [False])
    ],
)
def test_odd_cursors_are_400(
    page: str, name: str, is_part: bool, alice: User, alice_browser: Client, workspace: Workspace, webhook: str,
    reference: str, collection: str,
) -> None:  # fmt: skip
    client = alice_browser
    client.raise_request_exception = False
    headers = {"HX-Request": "true"} if is_part else {}
    path = page if page.startswith("/") else f"/w/{workspace.slug}/{page}"
    for place, pk in {"<webhook>": webhook, "<reference>": reference, "<collection>": collection}.items():
        path = path.replace(place, pk)
    if page.startswith("/v1/"):
        client = Program("")._client
        headers = {"Authorization": f"Bearer {create_key(workspace=workspace, user=alice, name='mine').key}"}
    others = {other: value for other, value in (PAGES | LIKE_ANOTHER)[page].items() if value and other != name}
    answers = {odd: client.get(path, {**others, name: odd}, headers=headers).status_code for odd in ODD}
    assert answers == dict.fromkeys(ODD, 400)


def test_no_list_is_forgotten() -> None:
    """Whatever is read from a query string and named like a place in a list."""
    code = "\n".join(path.read_text() for path in Path("tchavi_studio").rglob("*.py") if "client" not in path.parts)
    read = re.findall(r'GET\.get\("(before|after|since|offset|limit|page|cursor)"', code)
    read += re.findall(r"^    (before|after) = forms\.IntegerField", code, flags=re.MULTILINE)
    read += re.findall(r"parameters\.(limit|OFFSET|AFTER|BEFORE)\b", code)
    assert sorted(name.lower() for name in read) == sorted(
        ["after", *(name for names in PAGES.values() for name in names)]
    ), "once more, because the poll for changes is also answered by a short cut"
