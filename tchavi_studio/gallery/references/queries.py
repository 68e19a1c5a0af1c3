"""Reads for the pages of references, always through the viewer's membership."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, Q

from tchavi_studio.assets.models import Asset, Kind
from tchavi_studio.assets.queries import IS_REFERENCE, has_words
from tchavi_studio.gallery.positions import moment_and_id, position_text, whole_number
from tchavi_studio.gallery.queries import Card, cards
from tchavi_studio.gallery.sound_shape import Bar, bars_of
from tchavi_studio.generations.models import GenerationReference
from tchavi_studio.generations.queries import CARD_RELATIONS
from tchavi_studio.generations.visibility import (
    FEEDS,
    Scope,
    files_visible_to,
    is_in_shared_clip,
    is_use_seen_by,
    may_delete_reference,
    own_references,
    references_ever_shared,
    uses_of,
)
from tchavi_studio.long_lists import CountUpTo, sparse_page_of
from tchavi_studio.workspaces.models import Membership, Permission

PAGE_LENGTH = 24

MAX_EXAMINED = 20_000
"""As many rows a page looks at, when it searches or shows what is shared."""

MAX_USES = 1_000
"""Of a file's uses, as many of the latest are looked at to say in how many clips it is."""


@dataclass(frozen=True, kw_only=True)
class Use:
    """In how many clips that the viewer sees a file was used: so many, or more (`is_partial`)."""

    clip_count: int
    is_partial: bool


@dataclass(frozen=True, kw_only=True)
class ReferenceCard:
    """A reference as the list shows it."""

    asset: Asset
    use: Use
    may_delete: bool

    @property
    def bars(self) -> list[Bar]:
        return bars_of(self.asset)


@dataclass(frozen=True, kw_only=True)
class ReferencePage:
    """A page of references: those of a `scope`, of a `kind` ("" for all), whose names have the words of `search`.

    `next_page` is "" on the last one. If the page ended because enough was looked at, `searched_back_to` says to when.
    """

    scope: Scope
    kind: str
    search: str
    cards: list[ReferenceCard]
    next_page: str
    searched_back_to: datetime | None

    @property
    def is_filtered(self) -> bool:
        return bool(self.kind or self.search)


def chosen_scope(membership: Membership, scope: str) -> Scope:
    """The scope of that name, else the viewer's own references, or the workspace's if they can have none."""
    if scope in FEEDS:
        return Scope(scope)
    return Scope.MINE if membership.can(Permission.CREATE) else Scope.WORKSPACE


def references_for_viewer(
    *, membership: Membership, scope: Scope, kind: str = "", search: str = "", before: str = ""
) -> ReferencePage:
    """The references of a scope, newest first, after the position `before`. An unknown kind is none.

    Raises ValueError on a bad position.
    """
    kind = kind if kind in Kind.values else ""
    is_own = scope == Scope.MINE
    references = own_references(membership) if is_own else references_ever_shared(membership)
    which = Q() if is_own else is_in_shared_clip(membership)
    if kind:
        references = references.filter(kind=kind)
    page, position = sparse_page_of(
        references.select_related("created_by").order_by("-created_at", "-id"),
        has_words(search) & which,
        length=PAGE_LENGTH,
        max_examined=MAX_EXAMINED,
        after=moment_and_id(before) if before else (),
    )
    return ReferencePage(
        scope=scope,
        kind=kind,
        search=search,
        cards=_cards(page, membership),
        next_page=position_text(*position),
        searched_back_to=_moment(position) if len(page) < PAGE_LENGTH else None,
    )


def _moment(position: tuple[object, ...]) -> datetime | None:
    return next((part for part in position if isinstance(part, datetime)), None)


def _cards(assets: Iterable[Asset], membership: Membership) -> list[ReferenceCard]:
    found = list(assets)
    uses = _uses(found, membership)
    return [
        ReferenceCard(asset=asset, use=uses[asset.pk], may_delete=may_delete_reference(membership, asset))
        for asset in found
    ]


def _uses(assets: list[Asset], membership: Membership) -> dict[UUID, Use]:
    """One query for all; none for none."""
    if not assets:
        return {}
    uses = GenerationReference.objects.filter(asset=OuterRef("pk"))
    latest = GenerationReference.objects.filter(asset=OuterRef(OuterRef("pk"))).order_by("-id")[:MAX_USES]
    seen = uses.filter(is_use_seen_by(membership), pk__in=latest.values("pk"))
    rows = Asset.objects.filter(pk__in=[asset.pk for asset in assets]).order_by()
    return {
        pk: Use(clip_count=clip_count, is_partial=use_count == MAX_USES)
        for pk, clip_count, use_count in rows.values_list("pk", CountUpTo(seen, MAX_USES), CountUpTo(uses, MAX_USES))
    }


def reference_for_viewer(*, membership: Membership, asset_id: UUID) -> ReferenceCard:
    """One reference that the viewer may open. Raises Asset.DoesNotExist."""
    files = files_visible_to(membership).filter(IS_REFERENCE).select_related("created_by")
    return _cards([files.get(pk=asset_id)], membership)[0]


@dataclass(frozen=True, kw_only=True)
class UsesPage:
    """A page of the clips in which a reference was used. `next_page` is "" on the last one."""

    cards: list[Card]
    next_page: str


def uses_for_viewer(*, membership: Membership, asset: Asset, before: str = "") -> UsesPage:
    """The clips that were made from a reference and that the viewer sees, the last used first.

    Raises ValueError on a bad position.
    """
    related = [f"generation__{name}" for name in CARD_RELATIONS]
    uses, position = sparse_page_of(
        uses_of(asset).select_related(*related),
        is_use_seen_by(membership),
        length=PAGE_LENGTH,
        max_examined=MAX_EXAMINED,
        after=(whole_number(before),) if before else (),
    )
    shown = cards((use.generation for use in uses), membership=membership)
    return UsesPage(cards=shown, next_page=position_text(*position))
