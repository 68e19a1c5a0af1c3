"""Back to the page that a form was sent from, and never to another site."""

import pytest
from django.test import RequestFactory

from tchavi_studio.site.redirects import return_url

HERE, ELSEWHERE = "http://testserver/w/lagune/create/", "https://evil.example.com/"


@pytest.mark.parametrize(
    ("fields", "referrer", "expected"),
    [
        ({"next": "/w/lagune/gallery/?show=done"}, HERE, "/w/lagune/gallery/?show=done"),
        ({}, HERE, HERE),
        ({"next": ""}, HERE, HERE),
        ({}, "", "/home/"),
        ({"next": ELSEWHERE}, HERE, "/home/"),
        ({"next": "//evil.example.com/"}, HERE, "/home/"),
        ({"next": r"/\evil.example.com"}, HERE, "/home/"),
        ({"next": "javascript:alert(1)"}, HERE, "/home/"),
        ({}, ELSEWHERE, "/home/"),
    ],
)
def test_returns_to_the_page_the_form_was_sent_from(
    rf: RequestFactory, fields: dict[str, str], referrer: str, expected: str
) -> None:
    request = rf.post("/theme/", fields, headers={"Referer": referrer})
    assert return_url(request, default="/home/") == expected
