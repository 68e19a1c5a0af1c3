"""The mails: HTML and text, in the reader's language, with a link that turns the kind off."""

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from tchavi_studio.workspaces.addresses import public_origin
from tchavi_studio.workspaces.models import User

from .models import Notice, NoticeKind
from .texts import text_of

TIMEOUT_SECONDS = 10
UNSUBSCRIBE_SALT = "tchavi_studio.notices.unsubscribe"


def mail_of(notice: Notice, *, more_count: int) -> EmailMultiAlternatives:
    """The mail about a notice, which says that there are `more_count` others."""
    origin, user = public_origin(), notice.user
    unsubscribe_url = origin + reverse("site:unsubscribe", args=[unsubscribe_token(user, notice.kind)])
    with translation.override(user.language or settings.LANGUAGE_CODE):
        text = text_of(notice)
        context = {
            "notice": text,
            "name": user.display_name,
            "more_count": more_count,
            "url": origin + reverse("site:notice", args=[notice.pk]),
            "list_url": origin + reverse("site:notices"),
            "unsubscribe_url": unsubscribe_url,
            "preferences_url": origin + reverse("site:notice_preferences"),
        }
        mail = EmailMultiAlternatives(
            subject=text.title,
            body=render_to_string("notices/mail.txt", context),
            to=[user.email],
            connection=get_connection(timeout=TIMEOUT_SECONDS),
            headers={
                # The same if it is ever sent again, so that mail programs may drop the second.
                "Message-ID": f"<notice-{notice.pk}@{origin.partition('://')[2].partition(':')[0]}>",
                "List-Unsubscribe": f"<{unsubscribe_url}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                "Auto-Submitted": "auto-generated",
            },
        )
        mail.attach_alternative(render_to_string("notices/mail.html", context), "text/html")
    return mail


def unsubscribe_token(user: User, kind: str) -> str:
    """What proves in a link that it was mailed to this person. It only turns mails of this kind off, for ever.

    Without a time, so that each mail of a kind has the same link.
    """
    return signing.Signer(salt=UNSUBSCRIBE_SALT).sign_object([user.pk, str(kind)])


def read_unsubscribe_token(token: str) -> tuple[int, NoticeKind]:
    """The person's id, and the kind. Raises ValueError if the studio didn't write it."""
    try:
        user_id, kind = signing.Signer(salt=UNSUBSCRIBE_SALT).unsign_object(token)
    except signing.BadSignature:
        raise ValueError("not a token of this studio") from None
    return int(user_id), NoticeKind(kind)
