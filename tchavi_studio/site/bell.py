"""What the bell in the header shows."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from tchavi_studio.notices.queries import MAX_COUNT, unseen
from tchavi_studio.workspaces.models import User


@dataclass(frozen=True, kw_only=True)
class Bell:
    """How many notices the viewer hasn't seen, as the bell says it ("" if none), and the latest's id, 0 if none."""

    count: str
    latest: int


def bell_of(user: User) -> Bell:
    """The viewer's bell. One query."""
    count, latest = unseen(user)
    # Translators: at least so many, e.g. "99+".
    shown = _("%(count)s+") % {"count": MAX_COUNT - 1} if count == MAX_COUNT else str(count)
    return Bell(count=shown if count else "", latest=latest)
