"""What invited people see: the invitation, with or without an account, and why a link no longer works."""

from http import HTTPStatus
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.core.internal import ratelimit
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tchavi_studio.site.navigation import home_url
from tchavi_studio.workspaces.adapter import OPENED_INVITATION, opened_invitation
from tchavi_studio.workspaces.invitations import (
    EndedError,
    Ending,
    accept_invitation,
    ending_of,
    invitation_with,
    invitations_to,
    note_opening,
    owner_names,
    token_hash,
)
from tchavi_studio.workspaces.models import Invitation, Membership, User

from .queries import permissions_of

UNKNOWN_LINKS = {"unknown_invitation": "30/5m/ip"}
"""How many links that never were one address may try. Nobody guesses 256 bits; this bounds what trying costs."""


@require_safe
@never_cache
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """A mailed or copied link. What it leads to has no secret in its address."""
    invitation = invitation_with(hash_of_token=token_hash(token))
    if invitation is None:
        used = ratelimit.consume(
            request, app="tchavi_studio", action="unknown_invitation", config=UNKNOWN_LINKS, limit_get=True
        )
        return _over(request, None) if used else _over(request, None, status=HTTPStatus.TOO_MANY_REQUESTS)
    if ending_of(invitation) is None:
        note_opening(invitation=invitation)
    request.session[OPENED_INVITATION] = invitation.token_hash
    return redirect("invitations:accept")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def accept(request: HttpRequest) -> HttpResponse:
    """The invitation that was opened in this browser: who invites to what, and the buttons to join."""
    invitation = opened_invitation(request)
    if invitation is None:
        return _over(request, None)
    user = request.user if isinstance(request.user, User) else None
    if user and Membership.objects.filter(workspace=invitation.workspace_id, user=user).exists():
        request.session.pop(OPENED_INVITATION, None)
        return redirect(home_url(invitation.workspace))
    if user and request.method == "POST":
        return _join(request, invitation, user)
    ending = ending_of(invitation)
    if ending is not None:
        return _over(request, invitation, ending)
    context = {
        "invitation": invitation,
        "permissions": permissions_of(invitation.role),
        "is_for_another": user is not None and not _is_sent_to(invitation, user),
    }
    return render(request, "teams/people/invitation.html", context)


def _join(request: HttpRequest, invitation: Invitation, user: User) -> HttpResponse:
    try:
        accept_invitation(invitation=invitation, user=user)
    except EndedError as ended:
        return _over(request, invitation, ended.ending)
    request.session.pop(OPENED_INVITATION, None)
    messages.success(request, _("Welcome to %(workspace)s.") % {"workspace": invitation.workspace.name})
    return redirect(home_url(invitation.workspace))


def _is_sent_to(invitation: Invitation, user: User) -> bool:
    """Whether it is this person's: a copied link is for anyone."""
    if not invitation.email or invitation.email == user.email:
        return True
    confirmed: bool = EmailAddress.objects.filter(user=user, email=invitation.email, verified=True).exists()
    return confirmed


def _over(
    request: HttpRequest,
    invitation: Invitation | None,
    ending: Ending | None = None,
    status: HTTPStatus = HTTPStatus.NOT_FOUND,
) -> HttpResponse:
    """Why the link doesn't work, and whom to ask.

    A link that has ended may be in anybody's hands: it names who made it, and nothing of the workspace. If it would
    still work but for the inviter or the workspace, it names the owners, who can invite again.
    """
    people: list[str] = []
    if invitation is not None:
        status = HTTPStatus.GONE
        if ending in (Ending.VOID, Ending.ARCHIVED):
            people = owner_names(invitation.workspace)
        elif invitation.inviter.is_active:
            people = [invitation.inviter.display_name]
    context = {"ending": ending.value if ending else "unknown", "people": ", ".join(people)}
    return render(request, "teams/people/invitation_over.html", context, status=status)


@require_POST
@never_cache
def switch(request: HttpRequest) -> HttpResponse:
    """Sign out, and see the invitation again."""
    opened = request.session.get(OPENED_INVITATION, "")
    logout(request)
    request.session[OPENED_INVITATION] = opened
    return redirect("invitations:accept")


# --- For people with an account ---------------------------------------------------------------------------------------


@require_safe
@never_cache
@login_required
def own(request: HttpRequest) -> HttpResponse:
    """What was sent to the viewer's confirmed addresses."""
    assert isinstance(request.user, User)
    rows = [(invitation, permissions_of(invitation.role)) for invitation in invitations_to(request.user)]
    return render(request, "teams/people/own_invitations.html", {"rows": rows})


@require_POST
@login_required
def accept_own(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Join by one of them."""
    assert isinstance(request.user, User)
    invitation = next((each for each in invitations_to(request.user) if each.pk == invitation_id), None)
    if invitation is None:
        messages.error(request, _("This invitation was already used or withdrawn. Nothing was changed."))
        return redirect("own_invitations:list")
    return _join(request, invitation, request.user)
