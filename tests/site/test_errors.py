"""The error pages."""

import pytest
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.test import Client, RequestFactory

from tchavi_studio.workspaces.models import User


def test_not_found_page_links_home(alice_browser: Client) -> None:
    response = alice_browser.get("/w/nowhere/gallery/")
    assert response.status_code == 404
    page = response.content.decode()
    assert "Page not found" in page
    assert '<a class="btn" href="/">Back to the studio</a>' in page


def test_form_without_csrf_token_says_the_session_expired(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    response = browser.post("/theme/", {"theme": "dark"})
    assert response.status_code == 403
    assert "Your session has expired" in response.content.decode()


@pytest.mark.parametrize(("template", "title"), [("400.html", "couldn't read"), ("500.html", "went wrong on our side")])
def test_400_and_500_render_without_session_or_database(template: str, title: str) -> None:
    page = render_to_string(template)
    assert title in page
    assert 'class="tabbar"' not in page


def test_forbidden_page_says_whom_to_ask(rf: RequestFactory) -> None:
    request: HttpRequest = rf.get("/")
    assert "Ask one of its owners or admins." in render_to_string("403.html", request=request)
