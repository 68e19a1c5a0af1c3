"""The viewer's own requests for approval, as cards above those of their clips."""

import hashlib
from dataclasses import dataclass, field

from tchavi_studio.generations.approvals import requests_shown_to
from tchavi_studio.generations.models import ApprovalRequest
from tchavi_studio.workspaces.models import Membership

SHOWN_WITH = frozenset({"all", "running"})
"""The filters of the feed under which they appear."""


@dataclass(frozen=True, kw_only=True)
class RequestCards:
    """Requests that wait, or whose answer hasn't been dismissed. An approved one gives way to its clips' cards."""

    shown: list[ApprovalRequest] = field(default_factory=list)

    @property
    def any_wait(self) -> bool:
        return any(request.is_waiting for request in self.shown)

    @property
    def token(self) -> str:
        """A digest of what is shown, to tell when it changes; "" if nothing is."""
        versions = " ".join(f"{request.pk.hex}.{request.version}" for request in self.shown)
        return hashlib.sha256(versions.encode()).hexdigest()[:16] if versions else ""


def request_cards(*, membership: Membership, show: str) -> RequestCards:
    """The viewer's requests for a feed filtered by `show`."""
    return RequestCards(shown=requests_shown_to(membership)) if show in SHOWN_WITH else RequestCards()
