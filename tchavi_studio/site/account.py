"""Account pages of our own; django-allauth has the others."""

from dataclasses import dataclass
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tchavi_studio.workspaces.models import Session, User
from tchavi_studio.workspaces.queries import sessions_for_viewer
from tchavi_studio.workspaces.services import end_other_sessions, end_session

from .devices import device_label


@dataclass(frozen=True, kw_only=True)
class SessionRow:
    """A session as the page shows it."""

    session: Session
    is_current: bool

    @property
    def device(self) -> str:
        return device_label(self.session.device)


@require_safe
@never_cache
@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    """Where the viewer is signed in."""
    current = request.session.session_key
    rows = [
        SessionRow(session=session, is_current=session.pk == current)
        for session in sessions_for_viewer(cast(User, request.user))
    ]
    rows.sort(key=lambda row: not row.is_current)
    return render(request, "site/sessions.html", {"rows": rows})


@require_POST
@login_required
def end(request: HttpRequest) -> HttpResponse:
    """Sign out in one of these sessions; if it is this one, as the button "Sign out" does."""
    if end_session(user=cast(User, request.user), public_id=request.POST.get("session", "")):
        messages.success(request, _("Signed out there."))
    return redirect("site:sessions")


@require_POST
@login_required
def end_others(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere else."""
    count = end_other_sessions(user=cast(User, request.user), kept_key=request.session.session_key)
    text = ngettext("Signed out in %(count)s other session.", "Signed out in %(count)s other sessions.", count)
    messages.success(request, text % {"count": count})
    return redirect("site:sessions")
