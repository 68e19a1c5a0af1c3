"""Reads of people and workspaces."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from allauth.account.models import EmailAddress
from django.db import connection
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.db.models.functions import Collate
from django.utils import timezone
from django.utils.text import slugify

from .models import Invitation, Membership, Role, Session, User, Workspace


def membership_for_viewer(*, user: User, slug: str) -> Membership | None:
    """The user's membership in the workspace with this slug; None if it doesn't exist or they aren't a member."""
    membership = Membership.objects.select_related("workspace").filter(user=user, workspace__slug=slug).first()
    if membership is not None:
        membership.user = user
    return membership


def membership_by_former_slug(*, user: User, slug: str) -> Membership | None:
    """The user's membership in the workspace that had this slug before it was renamed; None if there is none such."""
    memberships = Membership.objects.select_related("workspace").filter(user=user)
    return memberships.filter(workspace__former_slugs__slug=slug).first()


def workspaces_for_viewer(user: User) -> QuerySet[Workspace]:
    """The workspaces the user is a member of, by name."""
    return Workspace.objects.filter(memberships__user=user).order_by("name", "slug")


JOINED_PER_PAGE = 20


def memberships_found(user: User, *, search: str = "", after: int = 0) -> tuple[list[Membership], bool]:
    """A page of the user's memberships, in the order they joined, and whether more follow.

    With `search`, those in workspaces whose name has these words in it; `after` is the id to go on from.
    """
    joined = Membership.objects.filter(user=user, pk__gt=after).select_related("workspace").order_by("pk")
    if search:
        joined = joined.filter(workspace__name__icontains=search)
    found = list(joined[: JOINED_PER_PAGE + 1])
    return found[:JOINED_PER_PAGE], len(found) > JOINED_PER_PAGE


MAX_INVITATIONS = 20


def invitations_of(user: User) -> list[Invitation]:
    """The open invitations to addresses that are certainly the user's, up to MAX_INVITATIONS, latest first."""
    addresses = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    waiting = Invitation.objects.filter(
        email__in=list(addresses), accepted_at=None, withdrawn_at=None, workspace__archived_at=None
    )
    found = waiting.select_related("workspace", "inviter").order_by("-created_at")[:MAX_INVITATIONS]
    now = timezone.now()
    return [invitation for invitation in found if invitation.expires_at > now]


def workspaces_of_one(user: User) -> QuerySet[Workspace]:
    """The workspaces that nobody but the user is a member of, by name."""
    others = Membership.objects.filter(workspace=OuterRef("pk")).exclude(user=user)
    return workspaces_for_viewer(user).exclude(Exists(others))


WORKSPACES_PER_PAGE = 20
MAX_OWNED = 200
IN_BYTE_ORDER = {"postgresql": "C", "sqlite": "BINARY"}
"""The collation in which an index has a prefix's slugs side by side, whatever the database's language."""


@dataclass(frozen=True, kw_only=True)
class WorkspacePage:
    """Workspaces, each with its owners in `owners`; `after` is the slug to go on from, "" at the end."""

    rows: Sequence[Workspace]
    after: str


def workspaces_found(*, search: str, after: str = "") -> WorkspacePage:
    """A page of all workspaces, for site admins: those whose slug starts as `search` would be written in one.

    An email address finds the workspaces that its person owns, and no others. Closed workspaces aren't found.
    """
    by_slug = Collate("slug", IN_BYTE_ORDER[connection.vendor])
    found = Workspace.objects.alias(key=by_slug).order_by("key").filter(closed_at=None, key__gt=after)
    if "@" in search:
        owned = Membership.objects.filter(user__email=search.strip().lower(), role=Role.OWNER)
        found = found.filter(pk__in=list(owned.values_list("workspace", flat=True)[:MAX_OWNED]))
    elif search:
        prefix = slugify(search)
        found = found.filter(key__gte=prefix, key__lt=f"{prefix}~") if prefix else found.none()
    owners = Membership.objects.filter(role=Role.OWNER).select_related("user").order_by("created_at")
    rows = list(found.prefetch_related(Prefetch("memberships", owners, to_attr="owners"))[: WORKSPACES_PER_PAGE + 1])
    page = rows[:WORKSPACES_PER_PAGE]
    return WorkspacePage(rows=page, after=page[-1].slug if len(rows) > len(page) else "")


def home_membership(user: User, *, on_device: UUID | None = None) -> Membership | None:
    """The membership in the workspace `/` leads to, among those that the user has.

    The one last used on the device, else the one last used anywhere, else the first; None without any membership.
    """
    memberships = Membership.objects.select_related("workspace").filter(user=user)
    remembered = [pk for pk in (on_device, user.current_workspace_id) if pk is not None]
    found = {each.workspace_id: each for each in memberships.filter(workspace__in=remembered)} if remembered else {}
    return next((found[pk] for pk in remembered if pk in found), None) or memberships.order_by("pk").first()


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
