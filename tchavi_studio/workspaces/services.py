"""Writes to people and workspaces."""

import secrets
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from tchavi_studio.refusals import UserFacingError

from .activity import Kind, record_activity
from .models import DEVICE_MAX_LENGTH, Guard, Invitation, Membership, Role, Session, User, Workspace
from .queries import home_membership, sessions_for_viewer
from .signals import account_deleted, person_welcomed
from .slugs import insert_workspace

MAX_NAMES = 3
SEEN_RESOLUTION = timedelta(minutes=5)
"""How exactly it is known when a member last used a workspace."""


def create_workspace(*, name: str, owner: User) -> Workspace:
    """Create a workspace. Its slug comes from the name, with a random suffix if that slug is taken."""
    with transaction.atomic():
        workspace = insert_workspace(name=name)
        Membership.objects.create(workspace=workspace, user=owner, role=Role.OWNER)
    return workspace


def end_session(*, user: User, public_id: str) -> bool:
    """Sign the user out where they have this session (see `Session.public_id`); False if they have none such."""
    keys = [session.pk for session in sessions_for_viewer(user) if session.public_id == public_id]
    return Session.objects.filter(pk__in=keys).delete()[0] == 1


def end_other_sessions(*, user: User, kept_key: str | None) -> int:
    """Sign the user out everywhere except in the session `kept_key`; returns of how many sessions."""
    return Session.objects.filter(user=user).exclude(pk=kept_key or "").delete()[0]


def delete_expired_sessions(*, max_count: int = 500) -> int:
    """Delete up to `max_count` sessions of people who haven't come back; returns how many."""
    expired = Session.objects.filter(expire_date__lt=timezone.now()).order_by("expire_date")
    return Session.objects.filter(pk__in=list(expired.values_list("pk", flat=True)[:max_count])).delete()[0]


def delete_ended_guards(*, max_count: int = 10_000) -> int:
    """Delete up to `max_count` throttles and used codes that have ended; returns how many."""
    ended = Guard.objects.filter(expires_at__lte=timezone.now())
    keys = list(ended.order_by("expires_at").values_list("pk", flat=True)[:max_count])
    # Asked again: a row may have been renewed since.
    return ended.filter(pk__in=keys).delete()[0]


def welcome_person(*, user: User) -> Workspace:
    """Give a new user their own workspace, and make the first user the site admin."""
    with transaction.atomic():
        _claim_founder(user)
        workspace = create_workspace(name=_("%(name)s's studio") % {"name": user.display_name}, owner=user)
        remember_workspace(user=user, workspace=workspace)
        person_welcomed.send(sender=User, workspace=workspace, owner=user)
    return workspace


def _claim_founder(user: User) -> None:
    if User.objects.exclude(pk=user.pk).exists():
        return
    try:
        with transaction.atomic():
            user.is_founder = user.is_staff = user.is_superuser = True
            user.save(update_fields=["is_founder", "is_staff", "is_superuser"])
    except IntegrityError:
        # Someone else signed up at the same moment and was first.
        user.is_founder = user.is_staff = user.is_superuser = False


def trust_email(*, user: User) -> None:
    """Treat the user's address as confirmed: whoever runs the studio vouches for it."""
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})


def release_email(*, email_address: EmailAddress, **signal: Any) -> None:
    """Handle allauth's signal `email_confirmed`: an address belongs to whoever confirmed it.

    An account that was only signed up with it, by mistake or to keep somebody out, can no longer be confirmed.
    """
    email = email_address.email
    for squatter in User.objects.filter(email=email).exclude(pk=email_address.user_id):
        EmailAddress.objects.filter(user=squatter, email=email).delete()
        squatter.email = f"unconfirmed-{squatter.pk}@account.invalid"
        squatter.save(update_fields=["email"])


def remember_workspace(*, user: User, workspace: Workspace) -> None:
    """Make `/` lead this user to `workspace` from now on, in browsers that remember no other."""
    if user.current_workspace_id != workspace.pk:
        user.current_workspace = workspace
        user.save(update_fields=["current_workspace"])


def remember_language(*, user: User, language: str | None) -> None:
    """Write mails to this user in `language` from now on."""
    if language and user.language != language:
        user.language = language
        user.save(update_fields=["language"])


def use_letter_keys(*, user: User, is_wanted: bool) -> None:
    """Make single characters shortcuts for this user from now on, or no longer."""
    user.uses_letter_keys = is_wanted
    user.save(update_fields=["uses_letter_keys"])


def remember_language_at_sign_in(*, user: User, **signal: Any) -> None:
    """Handle Django's signal `user_logged_in`."""
    remember_language(user=user, language=get_language())


def record_new_device(*, user: User, user_agent: str) -> None:
    """Write down that somebody signed in where they never had, once: in the workspace last used, else on the site."""
    home = home_membership(user)
    record_activity(
        workspace=home.workspace if home else None,
        kind=Kind.NEW_DEVICE,
        actor=user,
        details={"device": user_agent[:DEVICE_MAX_LENGTH]},
    )


def note_visit(*, membership: Membership) -> None:
    """Remember when the member last used the workspace, to within SEEN_RESOLUTION: most requests need no write."""
    now = timezone.now()
    if membership.seen_at is None or membership.seen_at <= now - SEEN_RESOLUTION:
        # Of requests at once, one writes.
        same = Membership.objects.filter(pk=membership.pk, seen_at=membership.seen_at)
        membership.seen_at = now
        same.update(seen_at=now)


# --- Leaving ----------------------------------------------------------------------------------------------------------


class OnlyOwnerError(UserFacingError):
    """Other people use a workspace that this person alone owns."""

    def __init__(self, workspaces: list[Workspace]) -> None:
        super().__init__(
            _(
                "You alone own a workspace that others use: %(names)s. Nothing was deleted. First hand it over to "
                "another member, on its settings page."
            )
            % {"names": ", ".join(workspace.name for workspace in workspaces[:MAX_NAMES])}
        )


class OnlySiteAdminError(UserFacingError):
    """Without this person the studio would have no site admin."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "You are the only site admin. Nothing was deleted. First make another one on the server, with "
                "manage.py createsuperuser."
            )
        )


@transaction.atomic
def delete_account(*, user: User) -> None:
    """Delete a person's account: their name, addresses, password, sessions, keys and second factors go at once.

    Their row stays as "Former member 17", because the ledger names it. What they made in workspaces that others use
    stays there. Workspaces in which they were alone are closed, and emptied by the sweep. Raises OnlyOwnerError,
    OnlySiteAdminError.
    """
    # Several who leave at once wait here for each other, so that one of them sees that nobody else is left.
    admins = User.objects.select_for_update().filter(is_staff=True, is_active=True).order_by("pk")
    if [admin.pk for admin in admins] == [user.pk]:
        raise OnlySiteAdminError
    joined = Workspace.objects.filter(pk__in=user.memberships.values("workspace")).order_by("pk")
    others = {workspace: workspace.memberships.exclude(user=user) for workspace in joined.select_for_update()}
    shared = [workspace for workspace, members in others.items() if members.exists()]
    owned_alone = [workspace for workspace in shared if not others[workspace].filter(role=Role.OWNER).exists()]
    if owned_alone:
        raise OnlyOwnerError(owned_alone)
    for workspace in others:
        if workspace not in shared:
            _close_workspace(workspace)
    account_deleted.send(sender=User, user=user)
    Invitation.objects.filter(accepted_by=user).update(email="")
    user.memberships.all().delete()
    user.sessions.all().delete()
    EmailAddress.objects.filter(user=user).delete()
    Authenticator.objects.filter(user=user).delete()
    user.language = ""
    user.name, user.email = "", f"former-member-{user.pk}@account.invalid"
    user.is_active = user.is_staff = user.is_superuser = False
    user.current_workspace, user.deleted_at = None, timezone.now()
    user.set_unusable_password()
    user.save()


def _close_workspace(workspace: Workspace) -> None:
    """Its name and slug go too: they are usually a person's."""
    workspace.former_slugs.all().delete()
    workspace.invitations.all().delete()
    workspace.name, workspace.closed_at = _("Closed workspace"), timezone.now()
    workspace.slug = f"closed-{secrets.token_hex(8)}"
    workspace.save(update_fields=["name", "slug", "closed_at"])
