"""Mails that the studio adds to django-allauth's."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress

from tchavi_studio.workspaces.models import User


def tell_of_added_email(*, user: User, email_address: EmailAddress, **signal: Any) -> None:
    """Handle allauth's signal `email_added`: whoever adds an address could soon sign in with it."""
    get_adapter().send_notification_mail("account/email/email_added", user, {"added_email": email_address.email})
