"""The API reference page."""

from django.test import Client

from tchavi_studio.api.openapi import document
from tchavi_studio.workspaces.models import Workspace


def test_reference_shows_every_operation_with_this_sites_base_url(alice_browser: Client, workspace: Workspace) -> None:
    response = alice_browser.get(f"/w/{workspace.slug}/developers/reference/")
    assert response.status_code == 200
    shown = response.content.decode()
    for methods in document(origin="http://testserver")["paths"].values():
        for operation in methods.values():
            assert f'<article class="operation" id="{operation["operationId"]}"' in shown
    assert "curl http://testserver/v1/videos/generations" in shown
    assert "style=" not in shown
    assert "<script>" not in shown
