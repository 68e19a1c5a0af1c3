"""What load balancers and monitors ask. No session, no sign-in, and nothing of the inside in the answer."""

from functools import cache

from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .queries import has_unapplied_migrations, stale_clusters


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Whether this process answers and reaches its database: if not, restart it."""
    try:
        _reach_database()
    except Error:
        return _answer(["database"])
    return _answer([])


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether the studio can do its work whole: database, migrations, and every cluster. If not, send nobody here."""
    try:
        _reach_database()
        failing = stale_clusters() if _is_migrated() else ["migrations"]
    except Error:
        failing = ["database"]
    return _answer(failing)


def _reach_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _answer(failing: list[str]) -> JsonResponse:
    if failing:
        return JsonResponse({"status": "unavailable", "failing": failing}, status=503)
    return JsonResponse({"status": "ok"})


class _NotMigratedError(Exception):
    """Keeps a "no" out of the cache below."""


@cache
def _require_migrations() -> None:
    if has_unapplied_migrations():
        raise _NotMigratedError


def _is_migrated() -> bool:
    """A "yes" is remembered: reading every migration takes a while, and what is applied stays so."""
    try:
        _require_migrations()
    except _NotMigratedError:
        return False
    return True
