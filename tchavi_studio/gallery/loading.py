"""Pages of clips that load the next ones by themselves, until they have many.

Browsers stop laying out boxes that are millions of pixels high, and everything that was loaded takes memory. So a page
ends at MAX_LOADED clips with a link to a new one, which starts there.
"""

from dataclasses import dataclass

from tchavi_studio.workspaces.access import WorkspaceRequest

MAX_LOADED = 3_000
MAX_DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class More:
    """What leads from a page to the next clips: `address` as a page of its own. `loaded_count` are those before."""

    address: str
    loaded_count: int

    @property
    def is_full(self) -> bool:
        """Whether the next clips belong on a page of their own."""
        return self.loaded_count >= MAX_LOADED

    @property
    def loading_address(self) -> str:
        """Where the open page gets them from."""
        return f"{self.address}&loaded={self.loaded_count}"


def more_at(address: str, *, request: WorkspaceRequest, count: int) -> More:
    """What leads on to `address`, which has a query, after the answer's `count` clips."""
    told = request.GET.get("loaded", "") if request.htmx else ""
    is_number = told.isascii() and told.isdigit() and len(told) <= MAX_DIGITS
    return More(address=address, loaded_count=count + (int(told) if is_number else 0))
