"""Reads on people and workspaces; each begins with the person who looks."""

from django.db.models import Case, QuerySet, When

from .models import Membership, User, Workspace


def membership_for_viewer(*, user: User, slug: str) -> Membership | None:
    """This person's membership in the workspace called `slug`; None if there is no such workspace for them."""
    return Membership.objects.select_related("workspace").filter(user=user, workspace__slug=slug).first()


def workspaces_for_viewer(user: User) -> QuerySet[Workspace]:
    """The workspaces this person is a member of, by name."""
    return Workspace.objects.filter(memberships__user=user).order_by("name", "slug")


def home_membership(user: User) -> Membership | None:
    """The membership whose workspace `/` leads to: the remembered one while it lasts, else the oldest workspace's."""
    memberships = Membership.objects.select_related("workspace").filter(user=user)
    remembered_first = Case(When(workspace=user.current_workspace_id, then=0), default=1)
    return memberships.order_by(remembered_first, "workspace__created_at").first()


MAX_ADMINS_NAMED = 3


def site_admin_names() -> list[str]:
    """Whom people can ask for what only the site's admins can do, the longest-serving first; a few, not all."""
    admins = User.objects.filter(is_staff=True, is_active=True).order_by("date_joined", "pk")
    return [admin.display_name for admin in admins[:MAX_ADMINS_NAMED]]
