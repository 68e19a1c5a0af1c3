"""Reads on people and workspaces; each begins with the person who looks."""

from django.db.models import QuerySet

from .models import Membership, User, Workspace


def membership_for_viewer(*, user: User, slug: str) -> Membership | None:
    """This person's membership in the workspace called `slug`; None if there is no such workspace for them."""
    return Membership.objects.select_related("workspace").filter(user=user, workspace__slug=slug).first()


def workspaces_for_viewer(user: User) -> QuerySet[Workspace]:
    """The workspaces this person is a member of, by name."""
    return Workspace.objects.filter(memberships__user=user).order_by("name", "slug")


def home_workspace(user: User) -> Workspace | None:
    """The workspace that `/` leads to: the remembered one while the person is still a member, else their oldest."""
    workspaces = workspaces_for_viewer(user)
    remembered = workspaces.filter(pk=user.current_workspace_id).first() if user.current_workspace_id else None
    return remembered or workspaces.order_by("created_at").first()


MAX_ADMINS_NAMED = 3


def site_admin_names() -> list[str]:
    """Whom people can ask for what only the site's admins can do, the longest-serving first; a few, not all."""
    admins = User.objects.filter(is_staff=True, is_active=True).order_by("date_joined", "pk")
    return [admin.display_name for admin in admins[:MAX_ADMINS_NAMED]]
