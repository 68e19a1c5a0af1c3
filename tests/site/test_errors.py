"""The pages for when something is wrong."""

import pytest
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.test import Client, RequestFactory

from tchavi_studio.workspaces.models import User


def test_what_is_not_there_is_said_calmly_with_a_way_on(alice_browser: Client) -> None:
    response = alice_browser.get("/w/nowhere/gallery/")
    assert response.status_code == 404
    page = response.content.decode()
    assert "There is nothing here" in page
    assert '<a class="btn" href="/">Back to the studio</a>' in page


def test_a_form_without_its_token_is_explained(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    response = browser.post("/theme/", {"theme": "dark"})
    assert response.status_code == 403
    assert "This form was open for too long" in response.content.decode()


@pytest.mark.parametrize(("template", "title"), [("400.html", "could not read"), ("500.html", "broke on our side")])
def test_pages_for_broken_requests_need_neither_a_session_nor_a_database(template: str, title: str) -> None:
    page = render_to_string(template)
    assert title in page
    assert 'class="tabbar"' not in page


def test_a_role_that_does_not_allow_it_is_told_whom_to_ask(rf: RequestFactory) -> None:
    request: HttpRequest = rf.get("/")
    assert "Ask one of its owners or admins." in render_to_string("403.html", request=request)
