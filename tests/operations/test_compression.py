"""Pages are compressed, files are not."""

from django.test import Client

from tchavi_studio.workspaces.models import User, Workspace
from tests.generations.test_tasks import photo


def test_pages_are_compressed(alice_browser: Client, workspace: Workspace) -> None:
    answer = alice_browser.get(f"/w/{workspace.slug}/create/", headers={"accept-encoding": "gzip"})
    assert (answer.status_code, answer["Content-Encoding"]) == (200, "gzip")


def test_streamed_files_are_not_compressed(alice_browser: Client, workspace: Workspace, alice: User) -> None:
    reference = photo(workspace, alice, "red")
    answer = alice_browser.get(
        f"/w/{workspace.slug}/media/{reference.asset_id}/file",
        headers={"accept-encoding": "gzip", "range": "bytes=0-9"},
    )
    assert (answer.status_code, answer.has_header("Content-Encoding")) == (206, False)
    assert len(answer.getvalue()) == 10
    answer.close()
