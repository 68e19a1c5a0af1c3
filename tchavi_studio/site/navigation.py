"""The main navigation. Page apps add their entries when Django starts, so this app needn't know them."""

from bisect import insort
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise

from tchavi_studio.workspaces.models import Membership, Permission, Workspace


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A workspace page in the main navigation, shown to members whose role allows `permission`.

    Entries are sorted by `position`; `icon` is a Lucide name.
    """

    position: int
    label: Promise
    icon: str
    url_name: str
    permission: Permission = Permission.VIEW

    @property
    def app_name(self) -> str:
        """The URL namespace whose pages mark this entry as current."""
        return self.url_name.partition(":")[0]

    def url(self, workspace: Workspace) -> str:
        """The page's path in this workspace."""
        return reverse(self.url_name, args=[workspace.slug])


_entries: list[Entry] = []


def add_entry(entry: Entry) -> None:
    """Add `entry` to the navigation; call this from `AppConfig.ready()`."""
    insort(_entries, entry, key=lambda each: each.position)


def entries_for_viewer(membership: Membership) -> list[Entry]:
    """The entries this member may open, in order."""
    return [entry for entry in _entries if membership.can(entry.permission)]


def home_url(workspace: Workspace) -> str:
    """Where `/` and the workspace menu lead: the first navigation entry, which every member may open."""
    return _entries[0].url(workspace)
