"""Where notices lead. Page apps say it for their kinds when Django starts, so this app needn't know them."""

from collections.abc import Callable

from tchavi_studio.notices.models import Notice
from tchavi_studio.workspaces.models import Membership

from .navigation import home_url

Target = Callable[[Notice, Membership], str | None]
"""The path of what a notice is about, for its reader as a member of its workspace; None if they may not see it."""

StrangersTarget = Callable[[Notice], str | None]
"""The same for a reader who isn't a member, or not yet."""

_targets: dict[str, Target] = {}
_strangers_targets: dict[str, StrangersTarget] = {}


def add_target(*kinds: str, target: Target) -> None:
    """Have notices of these kinds lead to `target`; call this from `AppConfig.ready()`."""
    _targets.update(dict.fromkeys(kinds, target))


def add_strangers_target(kind: str, *, target: StrangersTarget) -> None:
    """Have notices of this kind lead those to `target` who aren't members of its workspace; call it likewise."""
    _strangers_targets[kind] = target


def path_of(notice: Notice) -> str | None:
    """Where the notice leads its reader; None if that is gone, or none of theirs any more."""
    memberships = Membership.objects.select_related("workspace")
    membership = memberships.filter(user=notice.user_id, workspace=notice.workspace_id).first()
    if membership is None:
        strangers_target = _strangers_targets.get(notice.kind)
        return strangers_target(notice) if strangers_target else None
    target = _targets.get(notice.kind)
    return target(notice, membership) if target else home_url(membership.workspace)
