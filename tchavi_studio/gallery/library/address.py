"""What the address of a gallery page says: which list, which filters, which order, and where the page starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from tchavi_studio.engines.formats import ASPECT_RATIOS, RESOLUTIONS
from tchavi_studio.generations.library.filters import Filters, Sort
from tchavi_studio.generations.library.models import Outcome
from tchavi_studio.generations.library.search import MAX_SEARCH_LENGTH
from tchavi_studio.generations.organising.models import MAX_STARS
from tchavi_studio.generations.params import MODELS
from tchavi_studio.generations.visibility import Scope

MAX_SECONDS = 15
YES_OR_NO = {"yes": True, "no": False}
VISIBILITIES = {"workspace": True, "private": False}
OUTCOMES = {"running": Outcome.OPEN, "done": Outcome.DONE, "failed": Outcome.FAILED, "cancelled": Outcome.CANCELLED}

NAMES = {
    "text": "q",
    "creator": "by",
    "model": "model",
    "outcome": "state",
    "aspect_ratio": "ratio",
    "resolution": "resolution",
    "billed_seconds": "seconds",
    "has_sound": "sound",
    "has_references": "references",
    "is_shared": "visibility",
    "since": "from",
    "until": "to",
    "stars": "stars",
    "tag": "tag",
    "collection": "collection",
    "is_favourite": "favourite",
}
"""Each filter's name in the address."""

RARE = {"billed_seconds", "has_sound", "has_references", "is_shared", "stars", "tag", "collection", "is_favourite"}
"""The filters that stand behind "More filters" until they ask for something."""


@dataclass(frozen=True, kw_only=True)
class Browse:
    """One list of the gallery, filtered and sorted: what people look at, and what a bulk action may be about.

    `is_table` shows it as a table instead of cards.
    """

    scope: Scope = Scope.MINE
    filters: Filters = field(default_factory=Filters)
    sort: Sort = Sort.NEWEST
    is_table: bool = False

    @property
    def parameters(self) -> dict[str, str]:
        """The address's query, without what is as usual."""
        found = {"scope": "" if self.scope == Scope.MINE else str(self.scope)}
        found |= {NAMES[name]: _written(name, getattr(self.filters, name)) for name in NAMES}
        found["view"] = "list" if self.is_table else ""
        found["sort"] = "" if self.sort == Sort.NEWEST else str(self.sort)
        return {name: text for name, text in found.items() if text}

    @property
    def query(self) -> str:
        return urlencode(self.parameters)

    @property
    def name(self) -> str:
        """The query, never empty: what a clip's address says it was opened from."""
        return self.query or f"scope={self.scope}"

    @property
    def is_filtered(self) -> bool:
        return self.filters != Filters()

    @property
    def active(self) -> list[str]:
        """The names of the filters that ask for something."""
        usual = Filters()
        return [one.name for one in fields(Filters) if getattr(self.filters, one.name) != getattr(usual, one.name)]

    def without(self, *names: str) -> "Browse":
        """The same list without these filters."""
        usual = Filters()
        return replace(self, filters=replace(self.filters, **{name: getattr(usual, name) for name in names}))

    def having(self, **values: Any) -> "Browse":
        """The same list with other values of filters."""
        return replace(self, filters=replace(self.filters, **values))

    def sorted_by(self, sort: Sort) -> "Browse":
        return replace(self, sort=sort)

    def as_table(self, *, is_table: bool) -> "Browse":
        return replace(self, is_table=is_table)

    def in_scope(self, scope: Scope) -> "Browse":
        """The same filters on another list, without those that it doesn't have."""
        lost = {Scope.MINE: "creator", Scope.WORKSPACE: "is_shared", Scope.FAVOURITES: "is_favourite"}[scope]
        return replace(self.without(lost), scope=scope)


def read_browse(query: Mapping[str, str], *, user_id: int) -> Browse:
    """What an address asks for. What it can't mean is left out, so that old and mistyped addresses still open."""
    read: dict[str, Any] = {
        "text": " ".join(query.get("q", "").replace("\0", "").split())[:MAX_SEARCH_LENGTH],
        "creator": user_id if query.get("by") == "me" else _number(query.get("by", ""), 2**63 - 1),
        "model": _one_of(query.get("model"), MODELS),
        # `show` was its name once.
        "outcome": OUTCOMES.get(query.get("state", query.get("show", ""))),
        "aspect_ratio": _one_of(query.get("ratio"), ASPECT_RATIOS),
        "resolution": _one_of(query.get("resolution"), RESOLUTIONS),
        "billed_seconds": _number(query.get("seconds", ""), MAX_SECONDS),
        "has_sound": YES_OR_NO.get(query.get("sound", "")),
        "has_references": YES_OR_NO.get(query.get("references", "")),
        "is_shared": VISIBILITIES.get(query.get("visibility", "")),
        "since": _day(query.get("from", "")),
        "until": _day(query.get("to", "")),
        "stars": _number(query.get("stars", ""), MAX_STARS) or None,
        "tag": _number(query.get("tag", ""), 2**63 - 1),
        "collection": _number(query.get("collection", ""), 2**63 - 1),
        "is_favourite": query.get("favourite") == "yes",
    }
    scope = _one_of(query.get("scope"), set(Scope))
    sort = _one_of(query.get("sort"), set(Sort))
    return Browse(
        scope=Scope(scope) if scope else Scope.MINE,
        filters=Filters(**read),
        sort=Sort(sort) if sort else Sort.NEWEST,
        is_table=query.get("view") == "list",
    )


def _written(name: str, value: Any) -> str:
    if value is None or value == "" or (name == "is_favourite" and not value):
        return ""
    words: dict[str, dict[Any, str]] = {
        "outcome": {outcome: word for word, outcome in OUTCOMES.items()},
        "has_sound": {meant: word for word, meant in YES_OR_NO.items()},
        "has_references": {meant: word for word, meant in YES_OR_NO.items()},
        "is_shared": {meant: word for word, meant in VISIBILITIES.items()},
        "is_favourite": {meant: word for word, meant in YES_OR_NO.items()},
    }
    if isinstance(value, date):
        return value.isoformat()
    return words[name][value] if name in words else str(value)


def _one_of(text: str | None, known: Any) -> str | None:
    return text if text in known else None


def _number(text: str, highest: int) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(highest))
    return int(text) if is_number and int(text) <= highest else None


def _day(text: str) -> date | None:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # a day of no zone yet
    except ValueError:
        return None
    # Beyond these, some zone's midnight isn't a moment that Python knows.
    return day if date(1970, 1, 2) <= day <= date(9000, 1, 1) else None
