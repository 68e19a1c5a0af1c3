"""Who may send how much where, judged by the header alone."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tchavi_studio.api.models import ApiKey
from tchavi_studio.api.services import create_key
from tchavi_studio.api.views import MAX_UPLOAD_BYTES
from tchavi_studio.create.views import MAX_FILE_BYTES, MAX_FILES_BYTES
from tchavi_studio.operations.server.admission import files_at, max_form_bytes
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace

pytestmark = pytest.mark.django_db


def may_send(path: str, **headers: str) -> bool:
    files = files_at({"REQUEST_METHOD": "POST", "PATH_INFO": path, **headers})
    assert files is not None
    return files.may_send()


def cookie_of(client: Client) -> str:
    return f"sessionid={client.cookies['sessionid'].value}"


def test_only_addresses_for_files_take_more_than_a_form(workspace: Workspace) -> None:
    create = f"/w/{workspace.slug}/create/"
    sizes = {
        "/accounts/login/": None,
        "/nowhere/": None,
        "/\xff": None,
        f"/w/{workspace.slug}/gallery/": None,
        f"{create}quote/": None,
        f"{create}upload/": MAX_FILE_BYTES,
        f"{create}submit/": MAX_FILES_BYTES,
        f"{create}arrange/": MAX_FILES_BYTES,
        "/v1/videos/generations": None,
        "/v1/files": MAX_UPLOAD_BYTES,
        "/api/v1/files": MAX_UPLOAD_BYTES,
    }
    found = {path: files_at({"PATH_INFO": path}) for path in sizes}
    assert {path: files and files.max_bytes for path, files in found.items()} == sizes
    assert max_form_bytes() == 1024 * 1024


def test_only_members_who_may_create_send_files(workspace: Workspace, alice: User, bob: User, client: Client) -> None:
    path = f"/w/{workspace.slug}/create/upload/"
    assert not may_send(path)
    assert not may_send(path, HTTP_COOKIE="sessionid=made-up")
    client.force_login(alice)
    with CaptureQueriesContext(connection) as queries:
        assert may_send(path, HTTP_COOKIE=cookie_of(client))
    assert len(queries) == 3
    assert not may_send("/w/another-one/create/upload/", HTTP_COOKIE=cookie_of(client))

    client.force_login(bob)
    assert not may_send(path, HTTP_COOKIE=cookie_of(client))
    Membership.objects.create(workspace=workspace, user=bob, role=Role.VIEWER)
    assert not may_send(path, HTTP_COOKIE=cookie_of(client))
    Membership.objects.filter(workspace=workspace, user=bob).update(role=Role.CREATOR)
    assert may_send(path, HTTP_COOKIE=cookie_of(client))


def test_only_usable_keys_send_files(workspace: Workspace, alice: User) -> None:
    key = create_key(workspace=workspace, user=alice, name="laptop").key

    def may() -> bool:
        return may_send("/v1/files", HTTP_AUTHORIZATION=f"Bearer {key}")

    assert may()
    assert not may_send("/v1/files")
    assert not may_send("/v1/files", HTTP_AUTHORIZATION=f"Bearer {key[:-1]}x")
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert not may()
    ApiKey.objects.update(expires_at=None, revoked_at=timezone.now())
    assert not may()
    ApiKey.objects.update(revoked_at=None)
    Membership.objects.filter(workspace=workspace, user=alice).delete()
    assert not may()
