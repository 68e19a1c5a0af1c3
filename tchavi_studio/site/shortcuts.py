"""The keyboard's shortcuts: one table, which the list for people shows and static/js/shortcuts.js reads.

Page apps add theirs when Django starts, so this app needn't know them.
"""

from dataclasses import dataclass, field

from django.utils.functional import Promise


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """What a script calls `name` and does on one of `keys`, each as `KeyboardEvent.key` has it.

    `shown` are the keys as people read them. One without a `name` is only listed: its script needs more than a key.
    """

    label: Promise
    shown: tuple[str | Promise, ...]
    name: str = ""
    keys: tuple[str, ...] = ()


@dataclass(kw_only=True)
class ShortcutGroup:
    """Shortcuts that work in the same place."""

    label: Promise
    shortcuts: list[Shortcut] = field(default_factory=list)


shortcut_groups: list[ShortcutGroup] = []
"""The table, in the order of the list."""


def add_shortcuts(label: Promise, *shortcuts: Shortcut) -> None:
    """Add a group to the table; call this from `AppConfig.ready()`."""
    shortcut_groups.append(ShortcutGroup(label=label, shortcuts=list(shortcuts)))
