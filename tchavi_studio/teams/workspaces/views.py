"""A person's workspaces, and a workspace's settings, ownership and end."""

from collections.abc import Callable
from http import HTTPStatus
from typing import cast
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from tchavi_studio.assets.queries import stored_bytes
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.site.navigation import home_url
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.models import Permission, Role, User, Workspace
from tchavi_studio.workspaces.ownership import (
    archive_workspace,
    found_workspace,
    hand_over,
    leave_workspace,
    may_create_workspaces,
    unarchive_workspace,
)
from tchavi_studio.workspaces.queries import memberships_found
from tchavi_studio.workspaces.time_zones import zone_at
from tchavi_studio.workspaces.workspace_settings import change_settings, change_time_zone, rename_workspace

from .forms import HandOverForm, NameForm, NewWorkspaceForm, SettingsForm, TimeZoneForm, WorkspacesSearch

MAX_PROPOSED = 20

# --- A person's workspaces --------------------------------------------------------------------------------------------


@require_safe
@vary_on_headers("HX-Request")
@login_required
def own_workspaces(request: HttpRequest) -> HttpResponse:
    """All workspaces that the viewer is in; as a part of the menu, those that were searched for."""
    asked = WorkspacesSearch(request.GET)
    if not asked.is_valid():
        raise BadRequest("There is no such page.")
    search = asked.cleaned_data["q"]
    joined, has_more = memberships_found(
        cast(User, request.user), search=search, after=asked.cleaned_data["after"] or 0
    )
    context = {
        "joined": joined,
        "workspaces": [each.workspace for each in joined],
        "search": search,
        "has_more": has_more,
        "after": joined[-1].pk if has_more else None,
    }
    is_part = bool(getattr(request, "htmx", False))
    template = "site/_workspace_items.html" if is_part else "teams/workspaces/list.html"
    return render(request, template, context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def new_workspace(request: HttpRequest) -> HttpResponse:
    """Create a workspace, whose first page is then shown."""
    user = cast(User, request.user)
    if not may_create_workspaces(user):
        raise PermissionDenied
    form = NewWorkspaceForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            workspace = found_workspace(name=form.cleaned_data["name"], user=user)
        except UserFacingError as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, _("“%(name)s” is yours. Invite people when you like.") % {"name": workspace.name})
            return redirect(home_url(workspace))
    return render(request, "teams/workspaces/new.html", {"form": form}, status=_status(form.is_bound))


def _status(is_refused: bool) -> HTTPStatus:
    return HTTPStatus.UNPROCESSABLE_ENTITY if is_refused else HTTPStatus.OK


# --- Settings ---------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view(can=Permission.MANAGE)
def settings_page(request: WorkspaceRequest) -> HttpResponse:
    """Everything about a workspace that its owners and admins decide."""
    form = SettingsForm(request.POST if request.method == "POST" else None, workspace=request.workspace)
    if form.is_valid():
        change_settings(workspace=request.workspace, actor=request.user, **form.cleaned_data)
        return _saved(request, request.workspace)
    return _settings(request, settings_form=form)


def _saved(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    messages.success(request, _("Saved."))
    return redirect("teams:settings", workspace.slug)


def _settings(
    request: WorkspaceRequest,
    *,
    settings_form: SettingsForm | None = None,
    name_form: NameForm | None = None,
    zone_form: TimeZoneForm | None = None,
) -> HttpResponse:
    workspace, now = request.workspace, timezone.now()
    current = zone_at(workspace, now).key
    begins = workspace.next_time_zone_at
    is_waiting = begins is not None and begins > now
    chosen = workspace.next_time_zone if is_waiting else current
    forms = (settings_form, name_form, zone_form)
    context = {
        "settings_form": settings_form or SettingsForm(workspace=workspace),
        "name_form": name_form or NameForm(initial={"name": workspace.name, "slug": workspace.slug}),
        "zone_form": zone_form or TimeZoneForm(workspace=workspace, current=chosen),
        "current_zone": current,
        "next_zone": chosen if is_waiting else "",
        "next_zone_begins": begins.astimezone(ZoneInfo(chosen)).date() if begins and is_waiting else None,
        "used_bytes": stored_bytes(workspace=workspace),
    }
    is_refused = any(form is not None and form.is_bound for form in forms)
    return render(request, "teams/workspaces/settings.html", context, status=_status(is_refused))


@require_POST
@workspace_view(can=Permission.MANAGE)
def rename(request: WorkspaceRequest) -> HttpResponse:
    """Change the workspace's name and address."""
    form = NameForm(request.POST)
    if form.is_valid():
        try:
            renamed = rename_workspace(workspace=request.workspace, actor=request.user, **form.cleaned_data)
        except UserFacingError as refused:
            form.add_error("slug", refused.message)
        else:
            return _saved(request, renamed)
    return _settings(request, name_form=form)


@require_POST
@workspace_view(can=Permission.MANAGE)
def time_zone(request: WorkspaceRequest) -> HttpResponse:
    """Change the workspace's time zone, from the next month on."""
    current = zone_at(request.workspace, timezone.now()).key
    form = TimeZoneForm(request.POST, workspace=request.workspace, current=current)
    if form.is_valid():
        change_time_zone(workspace=request.workspace, actor=request.user, name=form.cleaned_data["time_zone"])
        return _saved(request, request.workspace)
    return _settings(request, zone_form=form)


# --- Ownership and the end --------------------------------------------------------------------------------------------


@require_safe
@workspace_view(can=Permission.OWN)
def ownership(request: WorkspaceRequest) -> HttpResponse:
    """Hand the workspace over, archive it, or take it out of the archive."""
    return _ownership(request, HandOverForm(workspace=request.workspace, owner=request.user))


def _ownership(request: WorkspaceRequest, form: HandOverForm) -> HttpResponse:
    members = request.workspace.memberships.select_related("user").order_by("pk")[:MAX_PROPOSED]
    proposed = [member.user for member in members if member.user != request.user]
    context = {"form": form, "proposed": proposed}
    return render(request, "teams/workspaces/ownership.html", context, status=_status(form.is_bound))


@require_POST
@workspace_view(can=Permission.OWN)
def hand_over_to(request: WorkspaceRequest) -> HttpResponse:
    """Make another member the owner, once the workspace's name is typed."""
    form = HandOverForm(request.POST, workspace=request.workspace, owner=request.user)
    if form.is_valid() and form.heir is not None:
        try:
            hand_over(workspace=request.workspace, owner=request.user, heir=form.heir)
        except UserFacingError as refused:
            form.add_error(None, refused.message)
        else:
            text = _("%(name)s is the owner now. You are an admin.") % {"name": form.heir.display_name}
            messages.success(request, text)
            return redirect(home_url(request.workspace))
    return _ownership(request, form)


@require_POST
@workspace_view(can=Permission.OWN)
def archive(request: WorkspaceRequest) -> HttpResponse:
    """Make the workspace read-only."""
    return _ended(request, archive_workspace, _("“%(name)s” is archived. It can only be read."))


@require_POST
@workspace_view(can=Permission.OWN)
def unarchive(request: WorkspaceRequest) -> HttpResponse:
    """Take the workspace out of the archive."""
    return _ended(request, unarchive_workspace, _("“%(name)s” is out of the archive. Everything works again."))


def _ended(request: WorkspaceRequest, act: Callable[..., None], text: str) -> HttpResponse:
    act(workspace=request.workspace, owner=request.user)
    messages.success(request, text % {"name": request.workspace.name})
    return redirect("teams:ownership", request.workspace.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view()
def leave(request: WorkspaceRequest) -> HttpResponse:
    """Leave the workspace, after a page that says what stays."""
    refusal = ""
    if request.method == "POST":
        try:
            leave_workspace(membership=request.membership)
        except UserFacingError as refused:
            refusal = refused.message
        else:
            messages.success(request, _("You have left “%(name)s”.") % {"name": request.workspace.name})
            return redirect("site:home")
    context = {"refusal": refusal, "is_owner": request.membership.role == Role.OWNER}
    return render(request, "teams/workspaces/leave.html", context, status=_status(bool(refusal)))
