"""The studio's people, its workspaces' figures, and what site admins did. Nothing of what is in workspaces."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from uuid import UUID

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tchavi_studio.refusals import UserFacingError
from tchavi_studio.teams.activity.forms import ActivityPage
from tchavi_studio.teams.activity.queries import Line, activity_of, activity_page
from tchavi_studio.workspaces.access import SignedInRequest, site_view
from tchavi_studio.workspaces.models import User
from tchavi_studio.workspaces.queries import sessions_for_viewer
from tchavi_studio.workspaces.site_people import (
    block_person,
    change_site_roles,
    end_sessions_of,
    has_second_factor,
    memberships_of,
    people_found,
    reset_second_factor,
    unblock_person,
)
from tchavi_studio.workspaces.workspace_settings import change_quota

from .forms import PeopleSearch, QuotaForm, ReasonForm, RolesForm, WorkspaceSearch
from .queries import workspace_row, workspace_rows

# --- People -----------------------------------------------------------------------------------------------------------


@require_safe
@site_view()
def people(request: SignedInRequest) -> HttpResponse:
    """Everybody with an account, found by the start of an address or a name."""
    asked = _asked(PeopleSearch(request.GET))
    by = asked["by"] or "email"
    found = people_found(by=by, search=asked["q"], after=asked["after"])
    return render(request, "teams/site/people.html", {"found": found, "by": by, "search": asked["q"]})


def _asked(form: Any) -> dict[str, Any]:
    if not form.is_valid():
        raise BadRequest("There is no such page.")
    cleaned: dict[str, Any] = form.cleaned_data
    return cleaned


def _person(person_id: int) -> User:
    return get_object_or_404(User, pk=person_id, deleted_at=None)


@require_safe
@site_view()
def person(request: SignedInRequest, person_id: int) -> HttpResponse:
    """One person: what is known of their account, and what can be done about it."""
    return _person_page(request, _person(person_id))


def _person_page(
    request: SignedInRequest, person: User, *, refusal: str = "", act: str = "", reason_form: ReasonForm | None = None
) -> HttpResponse:
    joined, has_more = memberships_of(person)
    context = {
        "person": person,
        "joined": joined,
        "has_more": has_more,
        "session_count": len(sessions_for_viewer(person)),
        "has_second_factor": has_second_factor(person),
        "roles_form": RolesForm(person=person),
        "reason_form": ReasonForm(),
        "refused_form": reason_form,
        "refused_act": act,
        "refusal": refusal,
    }
    is_refused = bool(refusal or reason_form)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_refused else HTTPStatus.OK
    return render(request, "teams/site/person.html", context, status=status)


def _done(request: SignedInRequest, person: User, act: Callable[[], object], text: str) -> HttpResponse:
    try:
        act()
    except UserFacingError as refused:
        person.refresh_from_db()
        return _person_page(request, person, refusal=refused.message)
    messages.success(request, text % {"name": person.display_name})
    return redirect("site_admin:person", person.pk)


@require_POST
@site_view()
def block(request: SignedInRequest, person_id: int) -> HttpResponse:
    """Keep somebody out, for a reason."""
    person, form = _person(person_id), ReasonForm(request.POST)
    if not form.is_valid():
        return _person_page(request, person, act="block", reason_form=form)
    return _done(
        request,
        person,
        lambda: block_person(person=person, admin=request.user, reason=form.cleaned_data["reason"]),
        _("%(name)s is blocked: signed out everywhere, and their API keys have stopped."),
    )


@require_POST
@site_view()
def unblock(request: SignedInRequest, person_id: int) -> HttpResponse:
    """Let somebody in again."""
    person = _person(person_id)
    text = _("%(name)s can sign in again, and their API keys work.")
    return _done(request, person, lambda: unblock_person(person=person, admin=request.user), text)


@require_POST
@site_view()
def end_sessions(request: SignedInRequest, person_id: int) -> HttpResponse:
    """Sign somebody out everywhere."""
    person = _person(person_id)
    count = end_sessions_of(person=person, admin=request.user)
    text = ngettext(
        "%(name)s was signed out of %(count)s session.", "%(name)s was signed out of %(count)s sessions.", count
    )
    messages.success(request, text % {"name": person.display_name, "count": count})
    return redirect("site_admin:person", person.pk)


@require_POST
@site_view()
def reset_two_factor(request: SignedInRequest, person_id: int) -> HttpResponse:
    """Turn off somebody's two-factor authentication, for a reason. They are told by mail."""
    person, form = _person(person_id), ReasonForm(request.POST)
    if not form.is_valid():
        return _person_page(request, person, act="reset", reason_form=form)

    def act() -> None:
        if reset_second_factor(person=person, admin=request.user, reason=form.cleaned_data["reason"]):
            get_adapter().send_notification_mail("mfa/email/totp_deactivated", person)

    return _done(request, person, act, _("%(name)s signs in with the password alone now, until they set it up again."))


@require_POST
@site_view()
def site_roles(request: SignedInRequest, person_id: int) -> HttpResponse:
    """Make somebody a site admin or a site auditor, or no longer."""
    person = _person(person_id)
    wanted = _asked(RolesForm(request.POST, person=person))
    answer = _done(
        request,
        person,
        lambda: change_site_roles(person=person, admin=request.user, **wanted),
        _("The site roles of %(name)s are saved."),
    )
    # Whoever gives up their own role can't see this page any more.
    is_own_end = person == request.user and not wanted["is_admin"] and answer.status_code == HTTPStatus.FOUND
    return redirect("site:home") if is_own_end else answer


# --- Workspaces -------------------------------------------------------------------------------------------------------


@require_safe
@site_view(for_auditors=True)
def workspaces(request: SignedInRequest) -> HttpResponse:
    """All workspaces with their storage, balance and number of members."""
    asked = _asked(WorkspaceSearch(request.GET))
    rows, after = workspace_rows(search=asked["q"], after=asked["after"])
    return render(request, "teams/site/workspaces.html", {"rows": rows, "after": after, "search": asked["q"]})


@require_http_methods(["GET", "HEAD", "POST"])
@site_view()
def workspace(request: SignedInRequest, workspace_id: UUID) -> HttpResponse:
    """One workspace's figures, and its quota."""
    row = workspace_row(workspace_id)
    if row is None:
        raise Http404
    form = QuotaForm(request.POST if request.method == "POST" else None, workspace=row.workspace)
    if form.is_valid():
        change_quota(workspace=row.workspace, admin=request.user, quota_bytes=form.quota_bytes)
        messages.success(request, _("Saved."))
        return redirect("site_admin:workspace", row.workspace.pk)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
    return render(request, "teams/site/workspace.html", {"row": row, "form": form}, status=status)


# --- Activity ---------------------------------------------------------------------------------------------------------


@require_safe
@site_view(for_auditors=True)
def activity(request: SignedInRequest) -> HttpResponse:
    """What was done to the site itself, latest first."""
    rows, before = activity_page(activity_of(None), before=_asked(ActivityPage(request.GET))["before"])
    context = {"lines": [Line(row=row) for row in rows], "before": before}
    return render(request, "teams/site/activity.html", context)
