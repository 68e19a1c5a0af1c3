"""What a browser remembers in cookies: the workspace last used there, and who has signed in there before."""

from uuid import UUID

from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from .models import User, Workspace

MAX_AGE_SECONDS = 400 * 24 * 3600
"""As long as browsers keep a cookie."""

WORKSPACE_COOKIE = "workspace"
KNOWN_COOKIE = "known"
KNOWN_SALT = "tchavi_studio.workspaces.devices"
MAX_KNOWN = 20


def workspace_on_device(request: HttpRequest) -> UUID | None:
    """The workspace last used in this browser, whoever used it. Nothing follows from it but where `/` leads."""
    try:
        return UUID(request.COOKIES.get(WORKSPACE_COOKIE, ""))
    except ValueError:
        return None


def is_page_visit(request: HttpRequest) -> bool:
    """Whether somebody opens a page, rather than a page in another tab asking for its parts."""
    return request.headers.get("Sec-Fetch-Dest", "document") == "document" and "HX-Request" not in request.headers


def remember_on_device(request: HttpRequest, response: HttpResponseBase, workspace: Workspace) -> None:
    """Make `/` lead to this workspace in this browser."""
    _set(request, response, WORKSPACE_COOKIE, str(workspace.pk))


def is_known_on_device(request: HttpRequest, user: User) -> bool:
    """Whether this person has signed in in this browser before. The cookie is signed: nobody can make one up."""
    return user.pk in _known_people(request)


def note_on_device(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    """Note that this person has signed in in this browser."""
    people = [user.pk, *(pk for pk in _known_people(request) if pk != user.pk)][:MAX_KNOWN]
    _set(request, response, KNOWN_COOKIE, signing.dumps(people, salt=KNOWN_SALT))


def _known_people(request: HttpRequest) -> list[int]:
    try:
        people: list[int] = signing.loads(
            request.COOKIES.get(KNOWN_COOKIE, ""), salt=KNOWN_SALT, max_age=MAX_AGE_SECONDS
        )
    except signing.BadSignature:
        return []
    return people


def _set(request: HttpRequest, response: HttpResponseBase, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=MAX_AGE_SECONDS, secure=request.is_secure(), httponly=True, samesite="Lax")
