"""What an open page's idle poll costs, against a bare view for signed-in people behind the same middleware."""

import re
import time
from collections.abc import Iterator
from html import unescape

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path

from tchavi_studio.urls import urlpatterns as own_urlpatterns

from .measuring import Work, medians
from .report import Row
from .studios import SMALL, Studio, studios

SAMPLES = 301


@login_required
def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)


urlpatterns = [path("bare/", bare), *own_urlpatterns]


def rows(size: int) -> Iterator[Row]:
    """One row; `size` doesn't matter here."""
    with override_settings(ROOT_URLCONF=__name__), studios(SMALL) as (studio,), studio.in_use():
        shown = studio.browser.get(studio.home + "gallery/").content.decode()
        (updates,) = re.findall(r'id="updates" hidden hx-get="([^"]+)"', shown)
        poll, bare_view = asking(studio, unescape(updates)), asking(studio, "/bare/")
        poll_seconds, bare_seconds = medians(poll, bare_view, samples=SAMPLES, clock=time.process_time)
        yield Row(
            name="idle updates poll, CPU against a bare view for signed-in people",
            before="3.0 × (5 statements against 2)",
            measured=poll_seconds / bare_seconds,
            goal=1.3,
            unit="×",
            statements=statements(studio, poll),
            note=f"{statements(studio, bare_view)} statements in the bare view",
        )


def asking(studio: Studio, path: str) -> Work:
    def get() -> None:
        answer = studio.browser.get(path, headers={"HX-Request": "true"})
        assert answer.status_code == 204, answer.status_code

    return get


def statements(studio: Studio, work: Work) -> int:
    with CaptureQueriesContext(studio.connection) as captured:
        work()
    return len(captured)
