"""The mails of invitations: HTML and text, in the inviter's language.

They are sent in the request, over one connection: a queue would have to store their tokens.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from .models import Invitation

TIMEOUT_SECONDS = 10

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class InvitationMail:
    """An invitation to send, with its token, which is stored nowhere. Whoever has an account may not want the mail."""

    invitation: Invitation
    token: str
    origin: str
    is_wanted: bool = True

    def __repr__(self) -> str:
        return f"InvitationMail({self.invitation})"

    def message(self) -> EmailMultiAlternatives:
        """The mail in the language that is active."""
        invitation = self.invitation
        inviter, workspace = invitation.inviter.display_name, invitation.workspace.name
        names = {"inviter": one_line(inviter), "workspace": one_line(workspace)}
        context = {
            "invitation": invitation,
            "inviter": inviter,
            "workspace_name": workspace,
            "url": self.origin + reverse("invitations:open", args=[self.token]),
        }
        message = EmailMultiAlternatives(
            subject=_("%(inviter)s invites you to %(workspace)s") % names,
            body=render_to_string("workspaces/invitation.txt", context),
            to=[invitation.email],
            reply_to=[invitation.inviter.email],
            headers={"Auto-Submitted": "auto-generated"},
        )
        message.attach_alternative(render_to_string("workspaces/invitation.html", context), "text/html")
        return message


def one_line(text: str) -> str:
    """A name as a mail's header can have it."""
    return " ".join(text.split())


def send_mails(mails: Sequence[InvitationMail]) -> list[InvitationMail]:
    """Send the wanted ones. Returns those that couldn't be sent; after the first of them the others aren't tried."""
    mails = [mail for mail in mails if mail.is_wanted]
    if not mails:
        return []
    connection = get_connection(timeout=TIMEOUT_SECONDS)
    sent = 0
    try:
        connection.open()
        for mail in mails:
            connection.send_messages([mail.message()])
            sent += 1
        connection.close()
    except OSError:
        # smtplib's errors are OSErrors too.
        logger.warning("Couldn't send invitations: check EMAIL_URL.", exc_info=True)
    return list(mails[sent:])
