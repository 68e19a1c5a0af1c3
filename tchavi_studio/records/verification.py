"""What a check of records yields: findings, and between them marks, from which it can go on after an interruption."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db import connection
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from .append_only import protected_tables

ACTIVITY_BOOK = "activity"
"""What the chains of activity are called where the ledger's have the name of their book."""

SITE = "site"
"""What the chain of the site's own activity has in place of a workspace."""

Scalar = str | int | None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something wrong in the records. `code` is for programs, `message` for people.

    `text` is what `message` is made of, untranslated, with `values` in its places; integers among them are formatted.
    `expected` and `found` are what the records should hold, and what they do.
    """

    code: str
    text: str
    values: Mapping[str, Scalar] = field(default_factory=dict)
    workspace_id: uuid.UUID | None = None
    book: str = ""
    sequence: int | None = None
    expected: Scalar = None
    found: Scalar = None

    @property
    def message(self) -> str:
        """The finding in the active language."""
        shown = {name: number_format(value) if isinstance(value, int) else value for name, value in self.values.items()}
        return _(self.text) % shown

    def __str__(self) -> str:
        has_place = self.workspace_id or self.book
        place = f"{self.workspace_id or SITE}:{self.book}" if has_place else _("whole ledger")
        row = f" #{self.sequence}" if self.sequence is not None else ""
        return f"{place}{row} {self.code}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class Head:
    """The last hash of one chain, now or when it was exported or verified; `workspace_id` None is the site's activity.

    `balances` are the balances that a ledger's chain adds up to there, by account. An exported head has neither them
    nor a sequence.
    """

    workspace_id: uuid.UUID | None
    book: str
    hash: str
    sequence: int | None = None
    balances: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.workspace_id or SITE}:{self.book}:{self.hash}"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Everything up to here was compared: `row_count` rows since the last mark.

    `position` is what the check goes on from, as JSON. `head` is set at the end of a chain: the head that it came to.
    """

    position: Any
    row_count: int
    head: Head | None = None


Step = Finding | Mark


def findings_in(steps: Iterable[Step]) -> Iterator[Finding]:
    """The findings among a check's steps."""
    return (step for step in steps if isinstance(step, Finding))


class VerifiedHeads(Protocol):
    """From where chains are verified."""

    def start_of(self, workspace_id: uuid.UUID | None, book: str) -> Head | None:
        """The verified head to go on from; None to start at the beginning."""
        ...


class FromTheBeginning:
    """Every chain is verified from its first row."""

    def start_of(self, workspace_id: uuid.UUID | None, book: str) -> Head | None:
        return None


FROM_THE_BEGINNING = FromTheBeginning()


def verify_triggers() -> Iterator[Finding]:
    """Yield every trigger that is missing or was changed, and everything else that acts on the protected tables."""
    for table in protected_tables:
        for name in table.missing_triggers(connection):
            yield Finding(
                code="trigger",
                text=gettext_noop("The trigger %(name)s is missing or was changed."),
                values={"name": name},
                expected=name,
            )
    foreign = {name for table in protected_tables for name in table.foreign_triggers(connection)}
    for name in sorted(foreign):
        yield Finding(
            code="trigger",
            text=gettext_noop("%(name)s isn't a trigger or rule of ours, and may change what is written."),
            values={"name": name},
            found=name,
        )


def missing_head(head: Head) -> Finding:
    """That a chain no longer holds a head that was exported, or verified: then it has a sequence."""
    if head.sequence is None:
        text = gettext_noop("The chain no longer holds the exported head %(hash)s.")
    else:
        text = gettext_noop("It was rewritten or deleted since it was verified: %(hash)s is gone.")
    return Finding(
        code="head",
        text=text,
        values={"hash": head.hash},
        workspace_id=head.workspace_id,
        book=head.book,
        sequence=head.sequence,
        expected=head.hash,
    )
