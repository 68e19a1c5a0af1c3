"""Health checks for load balancers and monitors. No session, no sign-in, and no internals in the response."""

from collections.abc import Sequence
from functools import cache

from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tchavi_studio.assets.queries import is_disk_low

from .queries import has_unapplied_migrations, stale_clusters


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Whether this process responds and can reach its database: if not, restart it."""
    try:
        _reach_database()
    except Error:
        return _response(["database"])
    return _response([])


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether everything works: database, migrations and all clusters. If not, send no traffic here.

    A warning needs the operator, but no other traffic: "disk" means that uploads and free clips are refused.
    """
    try:
        _reach_database()
        failing = stale_clusters() if _is_migrated() else ["migrations"]
    except Error:
        failing = ["database"]
    return _response(failing, warnings=["disk"] if is_disk_low() else [])


def _reach_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _response(failing: list[str], *, warnings: Sequence[str] = ()) -> JsonResponse:
    warned = {"warnings": list(warnings)} if warnings else {}
    if failing:
        return JsonResponse({"status": "unavailable", "failing": failing, **warned}, status=503)
    return JsonResponse({"status": "ok", **warned})


class _NotMigratedError(Exception):
    """Raised so that `cache` doesn't remember a "no"."""


@cache
def _require_migrations() -> None:
    if has_unapplied_migrations():
        raise _NotMigratedError


def _is_migrated() -> bool:
    """Remembers a "yes": reading all migrations takes a while, and what is applied stays applied."""
    try:
        _require_migrations()
    except _NotMigratedError:
        return False
    return True
