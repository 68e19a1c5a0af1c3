"""Heads of chains: exported to be kept elsewhere, and looked for again later."""

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from itertools import chain

from django.utils.translation import gettext as _

from tchavi_studio.ledger.models import Book
from tchavi_studio.ledger.verification import ledger_heads, missing_heads
from tchavi_studio.records.verification import ACTIVITY_BOOK, SITE, Finding, Head, missing_head
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.verification import activity_heads, missing_activity_heads

HASH = re.compile("[0-9a-f]{64}")


class HeadsUnreadableError(UserFacingError):
    """It isn't what `exported_heads` writes."""

    def __init__(self) -> None:
        super().__init__(_("This isn't a file of heads that the studio exported."))


def exported_heads() -> Iterator[str]:
    """All heads, as parts of a JSON text: `{"heads": ["WORKSPACE:BOOK:HASH", …]}`; the site's activity has "site"."""
    separator = '{"heads": [\n'
    for head in chain(ledger_heads(), activity_heads()):
        yield f'{separator}  "{head}"'
        separator = ",\n"
    yield '{"heads": [' if separator.startswith("{") else ""
    yield "\n]}\n"


def heads_from(text: str | bytes) -> list[Head]:
    """The heads in an export. Raises HeadsUnreadableError."""
    try:
        return [head_from(word) for word in json.loads(text)["heads"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HeadsUnreadableError from error


def head_from(word: str) -> Head:
    """One head, `WORKSPACE:BOOK:HASH`. Raises ValueError."""
    workspace, book, digest = word.split(":")
    if not HASH.fullmatch(digest):
        raise ValueError("not a hash")
    if book != ACTIVITY_BOOK:
        book = Book(book).value
    is_site = (workspace, book) == (SITE, ACTIVITY_BOOK)
    return Head(workspace_id=None if is_site else uuid.UUID(workspace), book=book, hash=digest)


def lost_heads(heads: Iterable[Head]) -> Iterator[Finding]:
    """What to say of each head that isn't in its chain any more, as the head or an earlier row."""
    by_kind: dict[bool, list[Head]] = {False: [], True: []}
    for head in heads:
        by_kind[head.book == ACTIVITY_BOOK].append(head)
    yield from map(missing_head, missing_heads(by_kind[False]))
    yield from map(missing_head, missing_activity_heads(by_kind[True]))
