"""Secrets don't reach a log, whoever logs them."""

import io
import logging
from collections.abc import Iterator
from logging.config import dictConfig

import pytest
from django.conf import settings
from django.test import Client

from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.signing import Variant, signed_media_path
from tchavi_studio.operations.logs import DiscreetFormatter

LINE = settings.LOGGING["formatters"]["line"]["format"]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the studio's own handler writes."""
    dictConfig(settings.LOGGING)
    [handler] = logging.getLogger("django").handlers
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    before = handler.setStream(written)
    yield written
    handler.setStream(before)


@pytest.mark.django_db
def test_a_media_links_token_is_not_logged(log: io.StringIO, client: Client) -> None:
    asset = Asset(file="a/clip.mp4")
    path = signed_media_path(asset, variant=Variant.FILE, expires_seconds=60)
    token = path.split("/")[2]
    assert client.get(path).status_code == 404, "there is no such asset"
    assert "Not Found: /media/…/clip.mp4" in log.getvalue()
    assert token not in log.getvalue()
    assert token.split(":")[0] not in log.getvalue()


SECRET = "Ab9_-" * 9


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"GET /media/eyJ:1vZ:{SECRET}/clip.mp4 failed", "GET /media/…/clip.mp4 failed"),
        (f"https://a.b/media/{SECRET}/x.png?y=1", "https://a.b/media/…/x.png?y=1"),
        (f"Not Found: /invitations/{SECRET}/", "Not Found: /invitations/…/"),
        (f"Not Found: /accounts/confirm-email/MQ:{SECRET}/", "Not Found: /accounts/confirm-email/…/"),
        (f"Not Found: /accounts/password/reset/key/1-{SECRET}/", "Not Found: /accounts/password/reset/key/…/"),
        (f"key='sk-tch_0123456789ab{SECRET}'", "key='sk-tch_…'"),
        (f"sk-tch_test_0123456789ab{SECRET} was refused", "sk-tch_test_… was refused"),
        (f"whsec_{SECRET}+/=", "whsec_…"),
        (f"{{'Authorization': 'Bearer {SECRET}'}}", "{'Authorization': 'Bearer …'}"),
        ("GET /w/lagune/media/ failed", "GET /w/lagune/media/ failed"),
    ],
)
def test_secrets_are_cut_out(text: str, shown: str) -> None:
    record = logging.LogRecord("studio", logging.WARNING, __file__, 1, text, None, None)
    assert DiscreetFormatter("%(message)s").format(record) == shown


def test_secrets_are_cut_out_of_tracebacks() -> None:
    try:
        raise ValueError(f"/media/{SECRET}/clip.mp4")
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 1, "failed", None, (ValueError, error, error.__traceback__))
    assert DiscreetFormatter(LINE).format(record).endswith("ValueError: /media/…/clip.mp4")


@pytest.mark.django_db
def test_a_health_check_that_says_no_is_no_error(log: io.StringIO, client: Client) -> None:
    assert client.get("/readyz").status_code == 503, "no cluster works here"
    assert client.get("/nowhere/").status_code == 404
    assert "readyz" not in log.getvalue()
    assert "Not Found: /nowhere/" in log.getvalue()
