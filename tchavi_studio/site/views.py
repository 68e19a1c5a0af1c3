"""The home redirect, the theme switch, and the page for what failed."""

import sys

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import check_for_language
from django.views.decorators.http import require_POST
from django.views.i18n import LANGUAGE_QUERY_PARAMETER, set_language

from tchavi_studio.outages import RETRY_AFTER_SECONDS, is_outage
from tchavi_studio.workspaces.devices import workspace_on_device
from tchavi_studio.workspaces.models import User
from tchavi_studio.workspaces.ownership import may_create_workspaces
from tchavi_studio.workspaces.queries import home_membership, invitations_of, site_admin_names
from tchavi_studio.workspaces.services import remember_language

from .context import THEMES
from .navigation import home_url
from .redirects import return_url

THEME_MAX_AGE_SECONDS = 365 * 24 * 3600


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """`/`: redirect to the first page of the workspace last visited here; to whoever has none, say what to do."""
    user = request.user
    assert isinstance(user, User)
    membership = home_membership(user, on_device=workspace_on_device(request))
    if membership is not None:
        return redirect(home_url(membership.workspace))
    context = {
        "invitations": invitations_of(user),
        "may_create": may_create_workspaces(user),
        "people_to_ask": [] if user.is_staff else site_admin_names(),
    }
    return render(request, "site/no_workspace.html", context)


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Choose a language: Django's view keeps it in a cookie, and mails to whoever is signed in are written in it."""
    response = set_language(request)
    wanted = request.POST.get(LANGUAGE_QUERY_PARAMETER, "")
    if isinstance(request.user, User) and check_for_language(wanted):
        remember_language(user=request.user, language=wanted)
    return response


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Choose dark, light or the system's theme. Kept in a cookie, so that it also applies when signed out."""
    wanted = request.POST.get("theme", "")
    response = redirect(return_url(request, default="/"))
    if wanted in THEMES:
        response.set_cookie(
            "theme", wanted, max_age=THEME_MAX_AGE_SECONDS, secure=request.is_secure(), httponly=True, samesite="Lax"
        )
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response


def failure(request: HttpRequest) -> HttpResponse:
    """The page for an exception: 503 for an outage, else 500. Neither page reads the session or the database."""
    if is_outage(sys.exception()):
        page = render_to_string("503.html")
        return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    return HttpResponse(render_to_string("500.html"), status=500)
