"""Why credits moved: stored in English for ever, shown in the reader's language."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tchavi_studio.generations.failures import failure_label

SIGNUP = "sign-up"
PLAY = "play-credits"
PROVISION = "provision"

GRANTS: dict[str, Promise] = {
    SIGNUP: _("Welcome credits"),
    PLAY: _("Play credits"),
    PROVISION: _("Set up by the operator"),
}
"""What the studio itself grants for. People give reasons in their own words."""


def reason_label(reason: str, *, is_refund: bool = False) -> str:
    """What people read: why the clip of a refund failed, the studio's own reason, or the words that a person wrote."""
    if is_refund and reason:
        return failure_label(reason)
    return str(GRANTS.get(reason, reason))
