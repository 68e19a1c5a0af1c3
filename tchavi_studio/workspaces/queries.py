"""Reads of people and workspaces."""

from django.db.models import Case, QuerySet, When
from django.utils import timezone

from .models import Membership, Session, User, Workspace


def membership_for_viewer(*, user: User, slug: str) -> Membership | None:
    """The user's membership in the workspace with this slug; None if it doesn't exist or they aren't a member."""
    return Membership.objects.select_related("workspace").filter(user=user, workspace__slug=slug).first()


def workspaces_for_viewer(user: User) -> QuerySet[Workspace]:
    """The workspaces the user is a member of, by name."""
    return Workspace.objects.filter(memberships__user=user).order_by("name", "slug")


def home_membership(user: User) -> Membership | None:
    """The membership in the workspace `/` leads to: the remembered one if the user is still a member, else the oldest.

    None without any membership.
    """
    memberships = Membership.objects.select_related("workspace").filter(user=user)
    remembered_first = Case(When(workspace=user.current_workspace_id, then=0), default=1)
    return memberships.order_by(remembered_first, "workspace__created_at").first()


MAX_SESSIONS = 100


def sessions_for_viewer(user: User) -> list[Session]:
    """Where the user is signed in: up to MAX_SESSIONS sessions, the last used first."""
    sessions = Session.objects.filter(user=user).order_by("-seen_at")
    now = timezone.now()
    # Filtered here: of one person's sessions, the index gives the last used.
    return [session for session in sessions[:MAX_SESSIONS] if session.expire_date > now]


MAX_ADMIN_NAMES = 3


def site_admin_names() -> list[str]:
    """The names of up to MAX_ADMIN_NAMES site admins whom people can ask for help, longest-serving first."""
    admins = User.objects.filter(is_staff=True, is_active=True).order_by("date_joined", "pk")
    return [admin.display_name for admin in admins[:MAX_ADMIN_NAMES]]
