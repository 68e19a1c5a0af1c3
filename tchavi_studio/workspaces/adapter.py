"""How django-allauth creates users, redirects and sends mail here."""

import logging
import secrets
from contextlib import suppress
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from allauth.core import context as allauth_context
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from tchavi_studio.outages import unless_outage

from .addresses import public_origin
from .devices import is_known_on_device, note_on_device
from .invitations import EndedError, accept_invitation, ending_of, invitation_with
from .models import Invitation, User
from .ownership import may_create_workspaces
from .services import end_other_sessions, record_new_device, welcome_person

logger = logging.getLogger(__name__)

OPENED_INVITATION = "invitation"
"""Where a session has the hash of the token whose link was opened in it."""


def opened_invitation(request: HttpRequest) -> Invitation | None:
    """The invitation whose link was opened in this browser, whatever became of it."""
    return invitation_with(hash_of_token=request.session.get(OPENED_INVITATION, ""))


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Opens or closes sign-up as configured, and gives each new user a workspace in the same transaction.

    Whoever has opened the link of an invitation may sign up too, and joins its workspace in that transaction: one link
    makes one account.
    """

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        # The first user becomes the site admin; without one, nobody could invite anyone.
        if settings.STUDIO_SIGNUP == "open" or not User.objects.exists():
            return True
        invitation = opened_invitation(request)
        return invitation is not None and ending_of(invitation) is None

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        user.name = form.cleaned_data.get("name", "")
        invitation = opened_invitation(request)
        with transaction.atomic():
            super().save_user(request, user, form, commit=commit)
            if commit:
                if invitation is None or may_create_workspaces(user):
                    welcome_person(user=user)
                if invitation is not None:
                    _join(request, invitation, user)
        return user

    def send_account_already_exists_mail(self, email: str) -> None:
        """What sign-up does instead of creating an account, when somebody has one with this address.

        It also does the work of creating one, and takes it back: the time of the answer must not tell either.
        """
        with transaction.atomic():
            name = secrets.token_hex(8)
            welcome_person(user=User.objects.create_user(f"{name}@{name}.invalid", secrets.token_hex(8), name=name))
            transaction.set_rollback(True)
        super().send_account_already_exists_mail(email)

    def post_login(self, request: HttpRequest, user: User, *, signup: bool, **options: Any) -> HttpResponse:
        """Once somebody has signed in: if this browser doesn't know them, it is a new device of theirs."""
        response: HttpResponse = super().post_login(request, user, signup=signup, **options)
        if not is_known_on_device(request, user) and not signup:
            # Who signs in must not be kept out because this can't be written down.
            with unless_outage():
                record_new_device(user=user, user_agent=request.headers.get("User-Agent", ""))
        note_on_device(request, response, user)
        return response

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        # A new password doesn't end API keys, so people should look through theirs.
        return reverse("own_keys:list")

    def is_safe_url(self, url: str) -> bool:
        """Whether a page may lead on to `url` (its `next`): a path here, never another host or port."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail. Its links lead to the studio's public address, whatever host name the request was sent to."""
        origin = public_origin(allauth_context.request)
        links = {
            name: origin + urlsplit(value)._replace(scheme="", netloc="").geturl()
            for name, value in context.items()
            if name.endswith("_url")
        }
        site = SimpleNamespace(name="Tchavi Studio", domain=origin)
        try:
            super().send_mail(template_prefix, email, {**context, **links, "current_site": site})
        except OSError:
            logger.warning("Couldn't send mail: check EMAIL_URL.", exc_info=True)
            raise ImmediateHttpResponse(redirect("site:mail_failed")) from None

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Tell somebody of a change to their account, if mail can be sent: the change has been made already."""
        with suppress(ImmediateHttpResponse):
            super().send_notification_mail(*args, **kwargs)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        # allauth counts per host name and port, which whoever guesses passwords can vary.
        return str(credentials.get("email", "")).lower()


def _join(request: HttpRequest, invitation: Invitation, user: User) -> None:
    try:
        accept_invitation(invitation=invitation, user=user)
    except EndedError:
        # Somebody was faster, or it was withdrawn: without it there is no account either. The page says why.
        raise ImmediateHttpResponse(redirect("invitations:accept")) from None
    if invitation.email and invitation.email == user.email:
        # Only whoever reads this address's mail can have the link.
        get_adapter().stash_verified_email(request, user.email)


def end_sessions_with_old_password(*, request: HttpRequest, user: User, **signal: Any) -> None:
    """Handle allauth's signals of a new password: whoever is signed in with the old one has to sign in again."""
    end_other_sessions(user=user, kept_key=request.session.session_key)
