"""The Team page: who is in the workspace, with which role, and who is invited."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tchavi_studio.assets.queries import stored_bytes
from tchavi_studio.generations.params import MODELS
from tchavi_studio.ledger.queries import budget_of_member, budget_total
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.teams.activity.queries import activity_of, lines_for
from tchavi_studio.workspaces import invitations, members
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.addresses import public_origin
from tchavi_studio.workspaces.models import Invitation, Membership, Permission, Role
from tchavi_studio.workspaces.roles import RANKS

from .forms import InviteForm, LinkForm, MemberPlace, RoleForm
from .queries import member_list, role_table

LATEST_COUNT = 6
"""As much of the activity stands on the Team page."""


@require_safe
@workspace_view()
def team(request: WorkspaceRequest) -> HttpResponse:
    """The members and their roles; for those who manage people, also invitations and controls."""
    return _team_page(request)


def _team_page(
    request: WorkspaceRequest,
    *,
    invite_form: InviteForm | None = None,
    created: invitations.CreatedLink | None = None,
    refused: list[tuple[str, str]] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    asked = MemberPlace(request.GET)
    if not asked.is_valid():
        raise BadRequest("There is no such page.")
    viewer, workspace = request.membership, request.workspace
    manages, audits = viewer.can(Permission.MANAGE), viewer.can(Permission.AUDIT)
    context: dict[str, Any] = {
        "members": member_list(viewer=viewer, after=asked.cleaned_data["after"]),
        "is_first_page": asked.cleaned_data["after"] is None,
        "member_count": members.member_count(workspace=workspace),
        "budget_total": budget_total(workspace=workspace, book=settings.STUDIO_BOOK) if audits else None,
        "max_count": members.MAX_COUNT,
        "own_budget": budget_of_member(viewer, book=settings.STUDIO_BOOK) if viewer.can(Permission.CREATE) else None,
        "manages": manages,
        "audits": audits,
        "latest": lines_for(viewer, list(activity_of(workspace)[:LATEST_COUNT])) if audits else [],
        "roles": list(Role),
        "role_table": role_table(),
        "sends_mail": settings.SENDS_MAIL,
        "model_names": [MODELS[model] for model in workspace.allowed_models if model in MODELS],
        "bin_days": settings.STUDIO_BIN_DAYS if workspace.bin_days is None else workspace.bin_days,
        "stored_bytes": stored_bytes(workspace=workspace),
        "quota_bytes": settings.STUDIO_WORKSPACE_QUOTA_BYTES
        if workspace.quota_bytes is None
        else workspace.quota_bytes,
    }
    if manages:
        context |= {
            "invite_form": invite_form or InviteForm(initial={"role": Role.CREATOR}),
            "invite_roles": invitations.roles_to_invite_as(viewer),
            "max_addresses": invitations.MAX_ADDRESSES,
            "new_invitation_id": LinkForm.new_id(),
            "waiting": list(invitations.waiting_invitations(workspace=workspace)[: invitations.MAX_WAITING]),
            "created": created,
            "created_url": created and public_origin(request) + reverse("invitations:open", args=[created.token]),
            "refused": refused or [],
        }
    return render(request, "teams/people/team.html", context, status=status)


# --- Roles ------------------------------------------------------------------------------------------------------------


@require_POST
@workspace_view(can=Permission.MANAGE)
def change_role(request: WorkspaceRequest, member_id: int) -> HttpResponse:
    """Give a member another role. What one can't take back oneself is asked once more."""
    member, form = _member_or_404(request, member_id), RoleForm(request.POST)
    if not form.is_valid():
        raise BadRequest("There is no such role.")
    role = form.cleaned_data["role"]
    lowers_self = member.user_id == request.user.pk and RANKS[role] < RANKS[Role(member.role)]
    makes_owner = role == Role.OWNER and member.role != Role.OWNER
    if (lowers_self or makes_owner) and "sure" not in request.POST:
        context = {"member": member, "role": role, "lowers_self": lowers_self, "action": "role"}
        return render(request, "teams/people/confirm.html", context)
    try:
        changed = members.change_role(manager=request.membership, member_id=member.pk, role=role)
    except UserFacingError as error:
        messages.error(request, error.message)
    else:
        said = _("%(name)s is now: %(role)s.")
        messages.success(request, said % {"name": changed.user.display_name, "role": Role(changed.role).label})
    return redirect("teams:team", request.workspace.slug)


@require_POST
@workspace_view(can=Permission.MANAGE)
def remove(request: WorkspaceRequest, member_id: int) -> HttpResponse:
    """Remove a member, after saying what that means."""
    member = _member_or_404(request, member_id)
    if "sure" not in request.POST:
        return render(request, "teams/people/confirm.html", {"member": member, "action": "remove"})
    try:
        removed = members.remove_member(manager=request.membership, member_id=member.pk)
    except UserFacingError as error:
        messages.error(request, error.message)
    else:
        said = _("%(name)s was removed. What they made stays, and their API keys here stopped working.")
        messages.success(request, said % {"name": removed.user.display_name})
    return redirect("teams:team", request.workspace.slug)


def _member_or_404(request: WorkspaceRequest, member_id: int) -> Membership:
    member = members.member_in(workspace=request.workspace, member_id=member_id)
    if member is None:
        raise Http404
    return member


# --- Invitations ------------------------------------------------------------------------------------------------------


@require_POST
@workspace_view(can=Permission.MANAGE)
def invite(request: WorkspaceRequest) -> HttpResponse:
    """Invite people by mail. What can't be invited is named, and stays in the form."""
    if not settings.SENDS_MAIL:
        raise Http404
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _team_page(request, invite_form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    addresses, role = form.cleaned_data["addresses"], form.cleaned_data["role"]
    try:
        invited = invitations.invite_addresses(
            inviter=request.membership, addresses=addresses, role=role, origin=public_origin(request)
        )
    except UserFacingError as error:
        form.add_error(None, error.message)
        return _team_page(request, invite_form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    _say_what_was_sent(request, invited)
    if not invited.refused:
        return redirect("teams:team", request.workspace.slug)
    left = InviteForm(initial={"addresses": ", ".join(address for address, _why in invited.refused), "role": role})
    return _team_page(request, invite_form=left, refused=invited.refused, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _say_what_was_sent(request: WorkspaceRequest, invited: invitations.Invited) -> None:
    if len(invited.sent) == 1:
        messages.success(request, _("Invitation sent to %(address)s.") % {"address": invited.sent[0]})
    elif invited.sent:
        text = ngettext("%(count)s invitation sent.", "%(count)s invitations sent.", len(invited.sent))
        messages.success(request, text % {"count": len(invited.sent)})
    if invited.unsent:
        said = _(
            "The mail server doesn't answer, so these got no mail: %(addresses)s. They are in the list of those "
            "waiting: send it again in a few minutes."
        )
        messages.error(request, said % {"addresses": ", ".join(invited.unsent)})


@never_cache
@require_POST
@workspace_view(can=Permission.MANAGE)
def create_link(request: WorkspaceRequest) -> HttpResponse:
    """Create a link for one person. The response is the only page that ever shows it."""
    form = LinkForm(request.POST)
    if not form.is_valid():
        raise BadRequest("There is no such role.")
    if Invitation.objects.filter(pk=form.cleaned_data["invitation_id"]).exists():
        messages.info(request, _("That link was shown once already. If you lost it, make a new one in the list."))
        return redirect("teams:team", request.workspace.slug)
    try:
        created = invitations.create_link(inviter=request.membership, **form.cleaned_data)
    except UserFacingError as error:
        messages.error(request, error.message)
        return redirect("teams:team", request.workspace.slug)
    return _team_page(request, created=created)


@never_cache
@require_POST
@workspace_view(can=Permission.MANAGE)
def send_again(request: WorkspaceRequest, invitation_id: UUID) -> HttpResponse:
    """Mail an invitation again, or show its new link. The old link stops."""
    try:
        renewed = invitations.send_again(
            manager=request.membership, invitation_id=invitation_id, origin=public_origin(request)
        )
    except UserFacingError as error:
        messages.error(request, error.message)
        return redirect("teams:team", request.workspace.slug)
    if isinstance(renewed, invitations.CreatedLink):
        return _team_page(request, created=renewed)
    _say_what_was_sent(request, renewed)
    return redirect("teams:team", request.workspace.slug)


@require_POST
@workspace_view(can=Permission.MANAGE)
def withdraw(request: WorkspaceRequest, invitation_id: UUID) -> HttpResponse:
    """Make an invitation's link useless."""
    try:
        invitations.withdraw_invitation(manager=request.membership, invitation_id=invitation_id)
    except UserFacingError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("The invitation is withdrawn, and its link no longer works."))
    return redirect("teams:team", request.workspace.slug)
