"""`/healthz` and `/readyz`."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from tchavi_studio.operations import views
from tchavi_studio.operations.models import Heartbeat
from tchavi_studio.operations.services import record_heartbeats

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    views._require_migrations.cache_clear()
    yield
    views._require_migrations.cache_clear()


@pytest.fixture
def _working_clusters() -> None:
    record_heartbeats("pump")
    record_heartbeats("render")


@pytest.fixture
def _broken_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise OperationalError("connection to server at 10.0.0.7 failed: password of user studio")

    monkeypatch.setattr(connection, "cursor", fail)


def test_healthy(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.usefixtures("_working_clusters")
def test_ready_when_every_cluster_works(client: Client) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.usefixtures("_working_clusters")
def test_an_almost_full_disk_is_a_warning(client: Client, settings: Settings) -> None:
    settings.STUDIO_MIN_FREE_BYTES = 2**62
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "warnings": ["disk"]})


def test_not_ready_before_clusters_have_worked(client: Client) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "unavailable", "failing": ["pump", "render"]})


@pytest.mark.usefixtures("_working_clusters")
def test_not_ready_when_a_heartbeat_is_old(client: Client) -> None:
    Heartbeat.objects.filter(name="render").update(beat_at=timezone.now() - timedelta(seconds=21))
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "unavailable", "failing": ["render"]})


@pytest.mark.usefixtures("_working_clusters")
def test_not_ready_when_a_heartbeat_is_from_the_future(client: Client) -> None:
    Heartbeat.objects.filter(name="render").update(beat_at=timezone.now() + timedelta(seconds=15))
    assert client.get("/readyz").status_code == 200, "clocks differ"
    Heartbeat.objects.filter(name="render").update(beat_at=timezone.now() + timedelta(hours=1))
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "unavailable", "failing": ["render"]})


@pytest.mark.usefixtures("_working_clusters")
def test_not_ready_until_migrated(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "has_unapplied_migrations", lambda: True)
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "unavailable", "failing": ["migrations"]})
    monkeypatch.undo()
    assert client.get("/readyz").status_code == 200


@pytest.mark.usefixtures("_broken_database")
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_database_error_reveals_no_details(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()) == (503, {"status": "unavailable", "failing": ["database"]})


@pytest.mark.usefixtures("_working_clusters")
@pytest.mark.parametrize(("path", "queries"), [("/healthz", 1), ("/readyz", 2)])
def test_checks_are_cheap_and_use_no_session(
    client: Client, path: str, queries: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.get(path)
    with django_assert_num_queries(queries):
        response = client.get(path)
    assert not response.cookies
    assert "no-store" in response["Cache-Control"]
    assert client.post(path).status_code == 405


@pytest.mark.usefixtures("_working_clusters")
def test_http_is_not_redirected(client: Client, settings: object) -> None:
    settings.SECURE_SSL_REDIRECT = True  # type: ignore[attr-defined]
    assert client.get("/readyz").status_code == 200
