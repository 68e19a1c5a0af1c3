"""Invitations: an offer to join a workspace, by mail or as a link that is shown once.

A link has a token of 256 random bits, of which only the SHA-256 is stored. Whoever has it may join, once, until it
expires or is withdrawn; whether the inviter may give the role is decided when it is accepted. All writes happen under
the workspace's lock, so that of several at once one comes first.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from uuid import UUID, uuid4

from allauth.account.models import EmailAddress
from django import forms
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tchavi_studio.refusals import UserFacingError

from .activity import Kind, record_activity
from .invitation_mails import InvitationMail, send_mails
from .members import NotAllowedError, lock_workspace, managing
from .models import Invitation, Membership, Permission, Role, User, Workspace
from .roles import may_give
from .services import remember_workspace
from .signals import invitation_ended, invitation_mailed, person_invited

TOKEN_BYTES = 32
LIFETIME = timedelta(days=7)
LISTED_AFTER_EXPIRY = timedelta(days=7)
MAX_ADDRESSES = 50
"""How many people can be invited at once."""
MAX_WAITING = 100
"""How many invitations a workspace may have that nobody has taken yet, those that have expired included."""
MAX_MAILS_PER_HOUR = 100
RESEND_AFTER_SECONDS = 60
"""A second press of the button must not make the link in the first mail useless."""
MAILS_WINDOW_SECONDS = 3600


class Ending(Enum):
    """Why an invitation can't be accepted any more."""

    USED = "used"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    ARCHIVED = "archived"
    VOID = "void"
    """Whoever invited may no longer give this role."""


class TooManyWaitingError(UserFacingError):
    """The workspace would have more than MAX_WAITING invitations that nobody has taken."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "A workspace can have up to %(max)s invitations waiting. Nobody was invited. Withdraw some that are no "
                "longer needed."
            )
            % {"max": MAX_WAITING}
        )


class TooManyMailsError(UserFacingError):
    """The workspace would send more than MAX_MAILS_PER_HOUR invitations in an hour."""

    def __init__(self, left: int) -> None:
        super().__init__(
            ngettext(
                "This workspace can send %(left)s more invitation within the hour. Nobody was invited. Try again "
                "later, or copy a link for one person.",
                "This workspace can send %(left)s more invitations within the hour. Nobody was invited. Try again "
                "later, or copy a link for one person.",
                left,
            )
            % {"left": left}
        )


class TooManyAddressesError(UserFacingError):
    """More than MAX_ADDRESSES addresses at once."""

    def __init__(self) -> None:
        super().__init__(
            _("You can invite up to %(max)s people at once. Nobody was invited. Split the list.")
            % {"max": MAX_ADDRESSES}
        )


class SentAMomentAgoError(UserFacingError):
    """It was sent less than RESEND_AFTER_SECONDS ago."""

    def __init__(self) -> None:
        super().__init__(_("This invitation was sent a moment ago. Nothing was sent. Try again in a minute."))


class GoneError(UserFacingError):
    """Somebody has taken or withdrawn the invitation meanwhile."""

    def __init__(self) -> None:
        super().__init__(_("This invitation was already used or withdrawn. Nothing was changed."))


class EndedError(Exception):
    """The invitation can't be accepted; `ending` says why."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


# --- Reads ------------------------------------------------------------------------------------------------------------


def token_hash(token: str) -> str:
    """What is stored of a token. It has 256 random bits, so a plain SHA-256 is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def invitation_with(*, hash_of_token: str) -> Invitation | None:
    """The invitation whose link somebody has opened, whatever became of it; None if there never was one."""
    invitations = Invitation.objects.select_related("workspace", "inviter")
    return invitations.filter(token_hash=hash_of_token).first() if hash_of_token else None


def ending_of(invitation: Invitation) -> Ending | None:
    """Why the invitation can't be accepted; None if it can. Exact only under the workspace's lock."""
    if invitation.accepted_at:
        return Ending.USED
    if invitation.withdrawn_at:
        return Ending.WITHDRAWN
    if invitation.has_expired:
        return Ending.EXPIRED
    if invitation.workspace.archived_at:
        return Ending.ARCHIVED
    inviters = Membership.objects.filter(workspace=invitation.workspace_id, user=invitation.inviter_id)
    inviter = inviters.select_related("workspace", "user").first()
    may_invite = inviter is not None and inviter.user.is_active and inviter.can(Permission.MANAGE)
    return None if inviter and may_invite and may_give(inviter.role, invitation.role) else Ending.VOID


def owner_names(workspace: Workspace, *, max_count: int = 3) -> list[str]:
    """Whom an invited person can ask: the names of up to `max_count` owners."""
    owners = Membership.objects.filter(workspace=workspace, role=Role.OWNER).select_related("user")
    return [owner.user.display_name for owner in owners[:max_count]]


def waiting_invitations(*, workspace: Workspace) -> QuerySet[Invitation]:
    """What nobody has taken yet, newest first, up to MAX_WAITING. What has expired stays for LISTED_AFTER_EXPIRY."""
    waiting = Invitation.objects.filter(workspace=workspace, accepted_at__isnull=True, withdrawn_at__isnull=True)
    listed = waiting.filter(expires_at__gt=timezone.now() - LISTED_AFTER_EXPIRY)
    return listed.select_related("inviter").order_by("-created_at", "-id")


def invitations_to(user: User) -> list[Invitation]:
    """What a person can accept because it was sent to a confirmed address of theirs, newest first."""
    addresses = list(EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True))
    waiting = Invitation.objects.filter(email__in=addresses, accepted_at__isnull=True, withdrawn_at__isnull=True)
    waiting = waiting.exclude(email="").select_related("workspace", "inviter").order_by("-created_at")
    return [invitation for invitation in waiting[:MAX_WAITING] if ending_of(invitation) is None]


def roles_to_invite_as(inviter: Membership) -> list[Role]:
    """The roles that this member may invite others as. Ownership is handed over, not offered."""
    if not inviter.can(Permission.MANAGE):
        return []
    return [role for role in Role if role != Role.OWNER and may_give(inviter.role, role)]


# --- Inviting ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class CreatedLink:
    """A new invitation, and the token for its link, which can't be shown again."""

    invitation: Invitation
    token: str

    def __repr__(self) -> str:
        return f"CreatedLink({self.invitation})"


@dataclass(frozen=True, kw_only=True)
class Invited:
    """What became of each address: mailed, or refused with the reason, or written down though the mail failed."""

    sent: list[str]
    refused: list[tuple[str, str]]
    unsent: list[str]


def addresses_in(text: str) -> list[str]:
    """The addresses in a pasted text, in lower case and without repeats: separated by commas, semicolons or spaces.

    `Awa Koné <awa@example.org>` counts as the address in it. What isn't an address stays, to be named.
    """
    parts: list[str] = []
    for piece in re.split(r"[,;\n\r]+", text):
        bracketed = re.findall(r"<([^<>]*)>", piece)
        parts += bracketed or piece.split()
    return list(dict.fromkeys(part.strip().lower() for part in parts if part.strip()))


def invite_addresses(*, inviter: Membership, addresses: Sequence[str], role: Role, origin: str) -> Invited:
    """Invite people by mail, in the language that is active. `origin` is what the links in it start with.

    An address that was invited already gets a new link, and the old one stops. Bad addresses and those of members are
    named and the others invited. Raises NotAllowedError, TooManyAddressesError, TooManyWaitingError, TooManyMailsError.
    """
    if len(addresses) > MAX_ADDRESSES:
        raise TooManyAddressesError
    with transaction.atomic():
        workspace = lock_workspace(inviter.workspace)
        inviter = _inviter(inviter, role)
        reasons = _refusals(workspace, addresses)
        good = [address for address in addresses if address not in reasons]
        _count_mails(workspace, len(good))
        waiting = {row.email: row for row in _waiting(workspace).filter(email__in=good)}
        _require_room(workspace, len(good) - len(waiting))
        mails = [_invite(inviter, address, role, waiting.get(address), origin) for address in good]
    failed = send_mails(mails)
    for mail in failed:
        cache.delete(_resend_guard(mail.invitation))
    unsent = [mail.invitation.email for mail in failed]
    return Invited(
        sent=[address for address in good if address not in unsent], refused=list(reasons.items()), unsent=unsent
    )


def create_link(*, invitation_id: UUID | None = None, inviter: Membership, role: Role) -> CreatedLink:
    """Invite one person by a link to copy. `invitation_id` is the row's id, if the caller has one.

    Raises NotAllowedError, TooManyWaitingError.
    """
    with transaction.atomic():
        workspace = lock_workspace(inviter.workspace)
        inviter = _inviter(inviter, role)
        _require_room(workspace, 1)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        invitation = _new(inviter, role, token, email="", invitation_id=invitation_id)
        _record(Kind.MEMBER_INVITED, inviter, invitation)
    return CreatedLink(invitation=invitation, token=token)


def send_again(*, manager: Membership, invitation_id: UUID, origin: str) -> CreatedLink | Invited:
    """Renew an invitation with a new token: mail it again, or return the new link. The old link stops.

    It is the manager's from now on. Raises NotAllowedError, GoneError, SentAMomentAgoError, TooManyMailsError.
    """
    with transaction.atomic():
        workspace = lock_workspace(manager.workspace)
        manager = managing(manager)
        invitation = _waiting(workspace).filter(pk=invitation_id).first()
        if invitation is None:
            raise GoneError
        if not may_give(manager.role, invitation.role):
            raise NotAllowedError
        if not invitation.email:
            token = _renew(manager, invitation, Role(invitation.role))
            _record(Kind.INVITATION_RESENT, manager, invitation)
            return CreatedLink(invitation=invitation, token=token)
        if cache.get(_resend_guard(invitation)):
            raise SentAMomentAgoError
        _count_mails(workspace, 1)
        mail = _invite(manager, invitation.email, Role(invitation.role), invitation, origin)
    failed = send_mails([mail])
    if failed:
        cache.delete(_resend_guard(invitation))
    return Invited(sent=[] if failed else [invitation.email], refused=[], unsent=[invitation.email] if failed else [])


@transaction.atomic
def withdraw_invitation(*, manager: Membership, invitation_id: UUID) -> Invitation:
    """Make an invitation's link useless. Raises NotAllowedError, GoneError."""
    workspace = lock_workspace(manager.workspace)
    manager = managing(manager)
    invitation = _waiting(workspace).filter(pk=invitation_id).first()
    if invitation is None:
        raise GoneError
    invitation.withdrawn_at = timezone.now()
    invitation.save(update_fields=["withdrawn_at"])
    invitation_ended.send(sender=Invitation, invitation=invitation, users=_people_at(invitation.email))
    _record(Kind.INVITATION_WITHDRAWN, manager, invitation)
    return invitation


def _inviter(inviter: Membership, role: Role) -> Membership:
    inviter = managing(inviter)
    if role == Role.OWNER or not may_give(inviter.role, role):
        raise NotAllowedError
    return inviter


def _waiting(workspace: Workspace) -> QuerySet[Invitation]:
    return Invitation.objects.filter(workspace=workspace, accepted_at__isnull=True, withdrawn_at__isnull=True)


def _refusals(workspace: Workspace, addresses: Sequence[str]) -> dict[str, str]:
    """Why some of these addresses aren't invited."""
    members = Membership.objects.filter(workspace=workspace, user__email__in=addresses)
    here = set(members.values_list("user__email", flat=True))
    reasons = {}
    for address in addresses:
        try:
            _check_address(address)
        except ValidationError:
            reasons[address] = _("isn't an email address")
        else:
            if address in here:
                reasons[address] = _("is a member already")
            elif cache.get(_resend_guard_of(workspace, address)):
                reasons[address] = _("was invited a moment ago")
    return reasons


_check_address = forms.EmailField(max_length=254).clean


def _require_room(workspace: Workspace, count: int) -> None:
    if waiting_invitations(workspace=workspace)[: MAX_WAITING + 1].count() + count > MAX_WAITING:
        raise TooManyWaitingError


def _count_mails(workspace: Workspace, count: int) -> None:
    """Count the mails of an hour, which begins with the first of them. The workspace's lock keeps the count exact."""
    guard, now = f"invitations: mails of {workspace.pk}", timezone.now().timestamp()
    sent, ends_at = cache.get(guard) or (0, now + MAILS_WINDOW_SECONDS)
    if sent + count > MAX_MAILS_PER_HOUR:
        raise TooManyMailsError(MAX_MAILS_PER_HOUR - sent)
    cache.set(guard, [sent + count, ends_at], ends_at - now)


def _resend_guard(invitation: Invitation) -> str:
    return _resend_guard_of(invitation.workspace, invitation.email)


def _resend_guard_of(workspace: Workspace, email: str) -> str:
    return f"invitations: sent {token_hash(f'{workspace.pk} {email}')}"


def _invite(inviter: Membership, address: str, role: Role, waiting: Invitation | None, origin: str) -> InvitationMail:
    """Write the invitation of one address down, or renew the one that is waiting; returns the mail to send."""
    if waiting is None:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        invitation = _new(inviter, role, token, email=address)
        for user in _people_at(address):
            person_invited.send(sender=Invitation, invitation=invitation, user=user)
    else:
        invitation, token = waiting, _renew(inviter, waiting, role)
    cache.set(_resend_guard(invitation), True, RESEND_AFTER_SECONDS)
    _record(Kind.INVITATION_RESENT if waiting else Kind.MEMBER_INVITED, inviter, invitation)
    wanted = [
        wants_mail
        for user in _people_at(address)
        for _receiver, wants_mail in invitation_mailed.send(sender=Invitation, user=user)
    ]
    return InvitationMail(invitation=invitation, token=token, origin=origin, is_wanted=all(wanted))


def _people_at(address: str) -> list[User]:
    """Who has an account with this address, confirmed: one at most, today."""
    owners = EmailAddress.objects.select_related("user").filter(email=address, verified=True, user__is_active=True)
    return [owner.user for owner in owners] if address else []


def _new(inviter: Membership, role: Role, token: str, *, email: str, invitation_id: UUID | None = None) -> Invitation:
    return Invitation.objects.create(
        id=invitation_id or uuid4(),
        workspace=inviter.workspace,
        role=role,
        email=email,
        token_hash=token_hash(token),
        inviter=inviter.user,
        expires_at=timezone.now() + LIFETIME,
    )


def _renew(inviter: Membership, invitation: Invitation, role: Role) -> str:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    now = timezone.now()
    invitation.workspace, invitation.inviter, invitation.role = inviter.workspace, inviter.user, role
    invitation.token_hash, invitation.sent_at, invitation.expires_at = token_hash(token), now, now + LIFETIME
    invitation.opened_count = 0
    invitation.save(update_fields=["inviter", "role", "token_hash", "sent_at", "expires_at", "opened_count"])
    return token


def _record(kind: Kind, manager: Membership, invitation: Invitation) -> None:
    # Without the address, which is in the invitation as long as that exists: activity can't be deleted.
    record_activity(
        workspace=manager.workspace,
        kind=kind,
        actor=manager.user,
        reference=invitation.pk,
        details={"role": invitation.role, "by_mail": bool(invitation.email)},
    )


# --- Accepting --------------------------------------------------------------------------------------------------------


def note_opening(*, invitation: Invitation) -> None:
    """Count that the link was opened."""
    Invitation.objects.filter(pk=invitation.pk).update(opened_count=F("opened_count") + 1)


@transaction.atomic
def accept_invitation(*, invitation: Invitation, user: User) -> Membership:
    """Make `user` a member with the invitation's role. Of several at once, one joins.

    Members keep their role, and the invitation. Raises EndedError.
    """
    workspace = lock_workspace(invitation.workspace)
    now = Invitation.objects.select_related("workspace", "inviter").get(pk=invitation.pk)
    # A renewed invitation has another token: the old link has stopped.
    if now.token_hash != invitation.token_hash:
        raise EndedError(Ending.WITHDRAWN)
    now.workspace = workspace
    present = Membership.objects.filter(workspace=workspace, user=user).first()
    if present is not None:
        return present
    ending = ending_of(now)
    if ending is not None:
        raise EndedError(ending)
    member = Membership.objects.create(workspace=workspace, user=user, role=now.role)
    now.accepted_at, now.accepted_by = timezone.now(), user
    now.save(update_fields=["accepted_at", "accepted_by"])
    invitation_ended.send(sender=Invitation, invitation=now, users=[user])
    remember_workspace(user=user, workspace=workspace)
    record_activity(
        workspace=workspace,
        kind=Kind.MEMBER_JOINED,
        actor=user,
        subject=user,
        reference=now.pk,
        details={"role": now.role},
    )
    return member


def delete_old_invitations(*, max_count: int = 500) -> int:
    """Delete up to `max_count` invitations that expired LISTED_AFTER_EXPIRY ago, with the addresses in them."""
    old = Invitation.objects.filter(expires_at__lte=timezone.now() - LISTED_AFTER_EXPIRY).order_by("expires_at")
    return Invitation.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:max_count])).delete()[0]
