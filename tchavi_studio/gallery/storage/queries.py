"""Reads for the storage page, always through the viewer's membership."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from tchavi_studio.assets.models import Asset, PersonStorageUse
from tchavi_studio.assets.queries import IS_OUTPUT, stored_bytes
from tchavi_studio.gallery.positions import position_text, size_and_id, two_numbers
from tchavi_studio.generations.models import IS_SHOWN, DiscardKind, Generation
from tchavi_studio.generations.queries import Freed, freed_by
from tchavi_studio.generations.visibility import Scope, clips_in_scope
from tchavi_studio.long_lists import page_of, sparse_page_of
from tchavi_studio.workspaces.models import Membership, Permission, User

PAGE_LENGTH = 24

MAX_EXAMINED = 20_000
"""As many files a page of the largest clips looks at."""


@dataclass(frozen=True, kw_only=True)
class Storage:
    """What a workspace stores, `free_bytes` of `quota_bytes` being left. What discarding frees is None for viewers."""

    used_bytes: int
    quota_bytes: int
    in_bin: Freed | None
    unused: Freed | None

    @property
    def free_bytes(self) -> int:
        return max(0, self.quota_bytes - self.used_bytes)

    @property
    def used_percent(self) -> int:
        """Rounded down, so that 100 says that nothing more fits."""
        return min(100, 100 * self.used_bytes // self.quota_bytes) if self.quota_bytes else 100


@dataclass(frozen=True, kw_only=True)
class PersonUse:
    """How much somebody's files take, and how much that is of the workspace's."""

    user: User
    byte_count: int
    percent: int
    is_member: bool


@dataclass(frozen=True, kw_only=True)
class PeoplePage:
    """A page of people who store something. `next_page` is "" on the last one."""

    people: list[PersonUse]
    next_page: str


@dataclass(frozen=True, kw_only=True)
class LargestClips:
    """A page of a scope's clips by their files' sizes. `next_page` is "" on the last one.

    `is_cut` if the page ended because enough files were looked at.
    """

    scope: Scope
    clips: list[Generation]
    next_page: str
    is_cut: bool


def storage_for_viewer(*, membership: Membership) -> Storage:
    """What the workspace stores, and what the viewer could free."""
    may_discard = membership.can(Permission.CREATE)
    return Storage(
        used_bytes=stored_bytes(workspace=membership.workspace),
        quota_bytes=membership.workspace.max_bytes,
        in_bin=freed_by(DiscardKind.BIN, membership=membership) if may_discard else None,
        unused=freed_by(DiscardKind.FILES, membership=membership) if may_discard else None,
    )


def sees_everybodys_use(membership: Membership) -> bool:
    """Whether the viewer may know how much each member stores: who manages or audits the workspace."""
    return membership.can(Permission.MANAGE) or membership.can(Permission.AUDIT)


def people_for_viewer(*, membership: Membership, used_bytes: int, after: str = "") -> PeoplePage:
    """Who stores how much, the most first; for others than owners, admins and auditors, only themselves.

    Raises ValueError on a bad position.
    """
    uses = PersonStorageUse.objects.filter(workspace=membership.workspace_id, byte_count__gt=0)
    if not sees_everybodys_use(membership):
        uses = uses.filter(user=membership.user_id)
    ordered = uses.select_related("user").order_by("-byte_count", "-id")
    page, has_more = page_of(ordered, length=PAGE_LENGTH, after=two_numbers(after) if after else ())
    user_ids = [use.user_id for use in page]
    there = Membership.objects.filter(workspace=membership.workspace_id, user__in=user_ids)
    members = set(there.values_list("user", flat=True)) if page else set()
    return PeoplePage(
        people=[
            PersonUse(
                user=use.user,
                byte_count=use.byte_count,
                percent=min(100, 100 * use.byte_count // used_bytes) if used_bytes else 0,
                is_member=use.user_id in members,
            )
            for use in page
        ],
        next_page=position_text(page[-1].byte_count, page[-1].pk) if has_more else "",
    )


def largest_clips_for_viewer(*, membership: Membership, scope: Scope, before: str = "") -> LargestClips:
    """The clips of a scope that take most room, without those in the bin. Raises ValueError on a bad position."""
    files = Asset.objects.filter(IS_OUTPUT, workspace=membership.workspace_id)
    if scope == Scope.MINE:
        files = files.filter(created_by=membership.user_id)
    clips = clips_in_scope(membership, scope).filter(IS_SHOWN, output=OuterRef("pk"))
    page, position = sparse_page_of(
        files.select_related("generation__creator").order_by("-byte_count", "-id"),
        Q(Exists(clips)),
        length=PAGE_LENGTH,
        max_examined=MAX_EXAMINED,
        after=size_and_id(before) if before else (),
    )
    found = []
    for asset in page:
        asset.generation.output = asset
        found.append(asset.generation)
    return LargestClips(
        scope=scope,
        clips=found,
        next_page=position_text(*position),
        is_cut=bool(position) and len(page) < PAGE_LENGTH,
    )
