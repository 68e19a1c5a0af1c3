"""What verification finds."""

import uuid
from dataclasses import dataclass

from django.utils.translation import gettext as _


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something wrong in the ledger. `code` is for programs, `message` for people."""

    code: str
    message: str
    workspace_id: uuid.UUID | None = None
    book: str = ""
    sequence: int | None = None

    def __str__(self) -> str:
        place = f"{self.workspace_id}:{self.book}" if self.workspace_id else _("whole ledger")
        row = f" #{self.sequence}" if self.sequence is not None else ""
        return f"{place}{row} {self.code}: {self.message}"
