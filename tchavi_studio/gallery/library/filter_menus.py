"""The filters as people choose them: a chip and a menu each, and operators that can be typed into the search box."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from tchavi_studio.engines.formats import ASPECT_RATIOS, RESOLUTIONS
from tchavi_studio.generations.library.filters import Sort
from tchavi_studio.generations.library.models import Outcome
from tchavi_studio.generations.organising.models import MAX_STARS
from tchavi_studio.generations.organising.queries import (
    collection_named,
    tag_for_viewer,
    tag_named,
    tags_for_viewer,
)
from tchavi_studio.generations.params import MODELS
from tchavi_studio.generations.visibility import Scope
from tchavi_studio.words import words_of
from tchavi_studio.workspaces.models import Membership
from tchavi_studio.workspaces.time_zones import zone_at

from .address import MAX_SECONDS, NAMES, OUTCOMES, RARE, VISIBILITIES, YES_OR_NO, Browse

MAX_CREATORS = 50
MAX_NAMED = 1_000
"""As many members are offered in the menu, and looked through for `by:name`."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One line of a menu, and the query of the page that it leads to."""

    label: str
    query: str
    is_current: bool = False


@dataclass(frozen=True, kw_only=True)
class FilterMenu:
    """A filter: its name, the `value` it has, "" if it asks for nothing, and where × and its lines lead.

    One that isn't common stands behind "More filters" until it has a value. The lines of one that `is_read_later` are
    read when it opens.
    """

    name: str
    label: str
    value: str
    without_query: str
    choices: list[Choice] = field(default_factory=list)
    is_common: bool = True
    is_read_later: bool = False
    has_days: bool = False


def filter_menus(*, membership: Membership, browse: Browse) -> list[FilterMenu]:
    """Every filter that makes sense in the list, in the order of the chips."""
    menus = []
    if browse.scope != Scope.MINE:
        menus.append(_menu(browse, "creator", _("Creator"), _creators(membership, browse)))
    outcomes = [
        (Outcome.OPEN, _("Running")),
        (Outcome.DONE, pgettext("clips", "Done")),
        (Outcome.FAILED, pgettext("clips", "Failed")),
        (Outcome.CANCELLED, pgettext("clips", "Cancelled")),
    ]
    menus += [
        _menu(browse, "model", _("Model"), MODELS.items()),
        _menu(browse, "outcome", pgettext("of a clip", "State"), outcomes),
        _menu(browse, "aspect_ratio", _("Ratio"), [(ratio, ratio) for ratio in ASPECT_RATIOS if ":" in ratio]),
        _menu(browse, "resolution", _("Resolution"), [(one, one) for one in RESOLUTIONS]),
        _days_menu(membership, browse),
        _menu(browse, "billed_seconds", _("Length"), [(one, _seconds(one)) for one in range(1, MAX_SECONDS + 1)]),
        _menu(browse, "has_sound", _("Sound"), [(True, _("With sound")), (False, _("Without sound"))]),
        _menu(
            browse, "has_references", _("References"), [(True, _("With references")), (False, _("Without references"))]
        ),
    ]
    if browse.scope == Scope.MINE:
        shown = [(True, _("Shared with the workspace")), (False, _("Only I see it"))]
        menus.append(_menu(browse, "is_shared", _("Visibility"), shown))
    return [*menus, *_menus_of_marks(membership, browse)]


def _menus_of_marks(membership: Membership, browse: Browse) -> list[FilterMenu]:
    """What people made of clips. Collections are chosen on their page, and only named here, like the tag."""
    filters = browse.filters
    stars = [(count, _stars(count)) for count in range(MAX_STARS, 0, -1)]
    menus = [_menu(browse, "stars", _("Rating"), stars)]
    asked = tag_for_viewer(membership, filters.tag) if filters.tag is not None else None
    tags = [] if filters.tag is None else [(filters.tag, asked.name if asked else _("A tag that is gone"))]
    menus.append(replace(_menu(browse, "tag", _("Tag"), tags), is_read_later=True))
    if filters.collection is not None:
        name = collection_named(membership, filters.collection) or _("A collection that is gone")
        menus.append(_menu(browse, "collection", _("Collection"), [(filters.collection, name)]))
    if browse.scope != Scope.FAVOURITES:
        marked = _menu(browse, "is_favourite", _("Favourites"), [(True, _("Only favourites"))])
        menus.append(marked if filters.is_favourite else replace(marked, value=""))
    return menus


def tag_choices(membership: Membership, browse: Browse, *, max_count: int) -> list[Choice]:
    """The workspace's first tags by name, each as a filter of the list."""
    found = tags_for_viewer(membership, max_count=max_count)
    return _menu(browse, "tag", _("Tag"), [(tag.pk, tag.name) for tag in found]).choices


def sort_choices(browse: Browse) -> list[Choice]:
    labels = {
        Sort.NEWEST: _("Newest first"),
        Sort.OLDEST: _("Oldest first"),
        Sort.LONGEST: _("Longest first"),
        Sort.DEAREST: _("Most expensive first"),
        Sort.BEST_RATED: _("Best rated first"),
    }
    return [
        Choice(label=label, query=browse.sorted_by(sort).query, is_current=sort == browse.sort)
        for sort, label in labels.items()
    ]


def _menu(browse: Browse, name: str, label: str, values: Iterable[tuple[Any, str]]) -> FilterMenu:
    current = getattr(browse.filters, name)
    choices = [
        Choice(label=text, query=browse.having(**{name: value}).query, is_current=value == current)
        for value, text in values
    ]
    chosen = next((choice.label for choice in choices if choice.is_current), "" if current is None else str(current))
    return FilterMenu(
        name=NAMES[name],
        label=label,
        value=chosen,
        without_query=browse.without(name).query,
        choices=choices,
        is_common=name not in RARE,
    )


def _stars(count: int) -> str:
    if count == MAX_STARS:
        return ngettext("%(count)s star", "%(count)s stars", count) % {"count": count}
    return ngettext("%(count)s star and up", "%(count)s stars and up", count) % {"count": count}


def _seconds(count: int) -> str:
    return ngettext("%(count)s second", "%(count)s seconds", count) % {"count": count}


def _creators(membership: Membership, browse: Browse) -> list[tuple[int, str]]:
    """The viewer, other members by name, and whoever is asked for even if they have left."""
    members = Membership.objects.filter(workspace=membership.workspace_id).select_related("user").order_by("pk")
    others = [(member.user_id, member.user.display_name) for member in members[: MAX_CREATORS + 1]]
    names = {membership.user_id: _("Me")} | dict(sorted(others, key=lambda one: one[1].casefold()))
    names[membership.user_id] = _("Me")
    asked = browse.filters.creator
    if asked is not None and asked not in names:
        known = members.filter(user=asked).first()
        names[asked] = known.user.display_name if known else _("Somebody who left")
    return list(names.items())


def _days_menu(membership: Membership, browse: Browse) -> FilterMenu:
    now = timezone.now()
    today = now.astimezone(zone_at(membership.workspace, now)).date()
    first = today.replace(day=1)
    last_of_before = first - timedelta(days=1)
    spans = [
        (_("Today"), today, today),
        (_("Last 7 days"), today - timedelta(days=6), today),
        (_("This month"), first, today),
        (_("Last month"), last_of_before.replace(day=1), last_of_before),
    ]
    asked = (browse.filters.since, browse.filters.until)
    choices = [
        Choice(label=label, query=browse.having(since=since, until=until).query, is_current=(since, until) == asked)
        for label, since, until in spans
    ]
    chosen = next((choice.label for choice in choices if choice.is_current), _span(*asked))
    without_query = browse.without("since", "until").query
    return FilterMenu(
        name="days", label=_("Dates"), value=chosen, without_query=without_query, choices=choices, has_days=True
    )


def _span(since: date | None, until: date | None) -> str:
    days = {name: date_format(day, "SHORT_DATE_FORMAT") for name, day in (("since", since), ("until", until)) if day}
    if since and until:
        return days["since"] if since == until else _("%(since)s to %(until)s") % days
    if since:
        return _("from %(since)s") % days
    return _("until %(until)s") % days if until else ""


# --- Operators --------------------------------------------------------------------------------------------------------


def with_operators(*, membership: Membership, browse: Browse) -> Browse:
    """The list with operators like `by:me model:kling` taken out of the search and made filters.

    What isn't an operator, or has a value that nobody knows, stays a word that is searched for.
    """
    values: dict[str, Any] = {}
    words = []
    for word in browse.filters.text.split():
        name, colon, value = word.partition(":")
        found = _operator(membership, name.casefold(), value) if colon and value else {}
        values |= found
        if not found:
            words.append(word)
    return browse.having(text=" ".join(words), **values) if values else browse


def _operator(membership: Membership, name: str, value: str) -> dict[str, Any]:
    folded = value.casefold()
    if name == "by":
        creator = membership.user_id if folded == "me" else _member_named(membership, folded)
        return {"creator": creator} if creator is not None else {}
    if name == "tag":
        tag = tag_named(membership, value)
        return {"tag": tag.pk} if tag else {}
    if name == "is" and "favourite".startswith(folded) and not "failed".startswith(folded):
        return {"is_favourite": True}
    if name == "stars":
        return {"stars": int(value)} if value in {str(count) for count in range(1, MAX_STARS + 1)} else {}
    if name == "seconds":
        number = folded.removesuffix("s")
        is_length = number.isascii() and number.isdigit() and 1 <= int(number[:3]) <= MAX_SECONDS
        return {"billed_seconds": int(number)} if is_length else {}
    known: dict[str, tuple[str, dict[str, Any]]] = {
        "model": ("model", {model: model for model in MODELS}),
        "state": ("outcome", dict(OUTCOMES)),
        "is": ("outcome", dict(OUTCOMES)) if folded not in VISIBILITIES else ("is_shared", dict(VISIBILITIES)),
        "ratio": ("aspect_ratio", {ratio: ratio for ratio in ASPECT_RATIOS}),
        "resolution": ("resolution", {one: one for one in RESOLUTIONS}),
        "sound": ("has_sound", dict(YES_OR_NO)),
        "references": ("has_references", dict(YES_OR_NO)),
        "visibility": ("is_shared", dict(VISIBILITIES)),
    }
    if name not in known:
        return {}
    field_name, meanings = known[name]
    # The beginning of a value is enough: `model:kling`.
    meant = next((meaning for text, meaning in meanings.items() if text.startswith(folded)), None)
    return {field_name: meant} if meant is not None else {}


def _member_named(membership: Membership, name: str) -> int | None:
    """The member whose name begins with `name`, if there is just one."""
    members = Membership.objects.filter(workspace=membership.workspace_id).select_related("user").order_by("pk")
    wanted = " ".join(words_of(name))
    found = [
        member.user_id
        for member in members[:MAX_NAMED]
        if " ".join(words_of(member.user.display_name)).startswith(wanted)
    ]
    return found[0] if len(found) == 1 else None
