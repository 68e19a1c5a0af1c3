"""Reads of notices. What people see always starts from the viewer."""

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from tchavi_studio.long_lists import page_of
from tchavi_studio.workspaces.models import Session, User

from .models import OF_THE_SITE, Notice, NoticeKind, NoticePreference

PAGE_LENGTH = 30
MAX_COUNT = 100
"""From here on the bell says "99+"."""

PRESENT_WITHIN = timedelta(minutes=3)
"""Whoever's sessions weren't used for so long has no page open that waits for a clip. A hidden tab asks for changes at
least once a minute, and each use of a session is noted within another, so their last request was two minutes ago."""


def unseen_count(user: User) -> int:
    """How many notices the viewer hasn't seen, up to MAX_COUNT."""
    return unseen(user)[0]


def unseen(user: User) -> tuple[int, int]:
    """How many notices the viewer hasn't seen, up to MAX_COUNT, and the id of the latest, 0 if there is none."""
    latest_first = Notice.objects.filter(user=user, seen_at__isnull=True).order_by("-id")
    ids = list(latest_first.values_list("pk", flat=True)[:MAX_COUNT])
    return len(ids), ids[0] if ids else 0


MAX_NEWS = 5
"""As many are shown one by one; whoever was away for more looks at the list."""


def news_for(*, user: User, after: int) -> list[Notice]:
    """The viewer's latest unseen notices with an id above `after`, oldest first, MAX_NEWS at most."""
    fresh = _listed(user).filter(seen_at__isnull=True, pk__gt=after).order_by("-id")
    return list(fresh[:MAX_NEWS])[::-1]


def notice_page(*, user: User, before: int | None = None) -> tuple[list[Notice], int | None]:
    """The viewer's notices, newest first, older than the id `before`; and the id to go on from, None at the end."""
    after = () if before is None else (before,)
    rows, has_more = page_of(_listed(user).order_by("-id"), length=PAGE_LENGTH, after=after)
    return rows, rows[-1].pk if has_more else None


def notice_for_viewer(*, user: User, notice_id: int) -> Notice:
    """One of the viewer's notices. Raises Notice.DoesNotExist, even for somebody else's."""
    return _listed(user).get(pk=notice_id)


def _listed(user: User) -> QuerySet[Notice]:
    return Notice.objects.filter(user=user, is_listed=True).select_related("workspace", "actor")


def preferences_for_viewer(user: User) -> list[NoticePreference]:
    """What the viewer wants of each kind they may be told of, in the kinds' order. Unchanged ones aren't stored."""
    stored = {preference.kind: preference for preference in user.notice_preferences.all()}
    kinds = [kind for kind in NoticeKind.values if may_be_told(user, kind)]
    return [stored.get(kind) or NoticePreference(user=user, kind=kind) for kind in kinds]


def may_be_told(user: User, kind: str) -> bool:
    """Whether a person's role on the site lets them have notices of this kind."""
    return kind not in OF_THE_SITE or user.is_staff or user.is_site_auditor


def is_present(*, user_id: int) -> bool:
    """Whether a page of this person's may be open: whether a session was used within PRESENT_WITHIN."""
    latest = Session.objects.filter(user=user_id).order_by("-seen_at").values_list("seen_at", flat=True).first()
    return latest is not None and latest > timezone.now() - PRESENT_WITHIN
