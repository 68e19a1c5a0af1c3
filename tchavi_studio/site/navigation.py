"""The main navigation. Page apps add their entries when Django starts, so the site knows none of them by name."""

from bisect import insort
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise

from tchavi_studio.workspaces.models import Membership, Permission, Workspace


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A page of a workspace that every other page links to, for members whose role allows `permission`.

    Entries are shown in the order of their `position`; `icon` is a Lucide name.
    """

    position: int
    label: Promise
    icon: str
    url_name: str
    permission: Permission = Permission.VIEW

    @property
    def app_name(self) -> str:
        """The URL namespace of the pages that this entry leads to."""
        return self.url_name.partition(":")[0]

    def url(self, workspace: Workspace) -> str:
        """The page's path in this workspace."""
        return reverse(self.url_name, args=[workspace.slug])


_entries: list[Entry] = []


def add_entry(entry: Entry) -> None:
    """Show `entry` on every page; to be called from `AppConfig.ready()`."""
    insort(_entries, entry, key=lambda each: each.position)


def entries_for_viewer(membership: Membership) -> list[Entry]:
    """The entries that this member may open, in order."""
    return [entry for entry in _entries if membership.can(entry.permission)]


def home_url(workspace: Workspace) -> str:
    """Where `/` and the workspace menu lead: the first page of the navigation, which every member may open."""
    return _entries[0].url(workspace)
