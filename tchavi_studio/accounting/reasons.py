"""Why credits moved: stored as a code, shown in the reader's language."""

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
"""The studio's own reasons for grants. People type theirs in their own words."""


def reason_label(reason: str, *, is_refund: bool = False) -> str:
    """The reason for display: why a refunded clip failed, the studio's own reason, or what a person typed."""
    if is_refund and reason:
        return failure_label(reason)
    return str(GRANTS.get(reason, reason))
