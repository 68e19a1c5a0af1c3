"""The settings of a workspace. Each change is a row of its activity, with the old and the new value."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from .activity import Kind, record_activity
from .models import User, Workspace
from .ownership import lock_workspace
from .slugs import change_slug
from .time_zones import change_begins, zone_at

MIN_BIN_DAYS, MAX_BIN_DAYS = 1, 90


@transaction.atomic
def rename_workspace(*, workspace: Workspace, actor: User, name: str, slug: str) -> Workspace:
    """Change the name, the address or both; old addresses keep leading here. Returns the workspace as it is then.

    Raises SlugTakenError, TooManySlugsError.
    """
    locked = lock_workspace(workspace)
    before = {"old": locked.name, "old_slug": locked.slug}
    if slug != locked.slug:
        change_slug(workspace=locked, slug=slug)
    if name != locked.name:
        locked.name = name
        locked.save(update_fields=["name"])
    if (before["old"], before["old_slug"]) != (name, slug):
        details = {**before, "new": name, "new_slug": slug}
        record_activity(workspace=locked, kind=Kind.WORKSPACE_RENAMED, actor=actor, details=details)
    return locked


@transaction.atomic
def change_settings(
    *,
    workspace: Workspace,
    actor: User,
    default_visibility: str,
    allowed_models: Sequence[str],
    default_budget_credits: int | None,
    bin_days: int | None,
) -> None:
    """Change what the settings page has in one form. No `allowed_models` allows all; None sets back to the default."""
    wanted = {
        "default_visibility": default_visibility,
        "allowed_models": list(allowed_models),
        "default_budget_credits": default_budget_credits,
        "bin_days": bin_days,
    }
    locked = lock_workspace(workspace)
    changed = {name: getattr(locked, name) for name, value in wanted.items() if getattr(locked, name) != value}
    for name in changed:
        setattr(locked, name, wanted[name])
    locked.save(update_fields=list(changed))
    for name, old in changed.items():
        _record(locked, actor, name, old, wanted[name])


@transaction.atomic
def change_time_zone(*, workspace: Workspace, actor: User, name: str) -> None:
    """Change the time zone from the next month on; the last choice before that counts."""
    locked = lock_workspace(workspace)
    now = timezone.now()
    current = zone_at(locked, now).key
    is_waiting = locked.next_time_zone_at is not None and locked.next_time_zone_at > now
    old = locked.next_time_zone if is_waiting else current
    if name == old:
        return
    locked.time_zone = current
    if name == current:
        locked.next_time_zone, locked.next_time_zone_at = "", None
    else:
        locked.next_time_zone, locked.next_time_zone_at = name, change_begins(locked, name, now)
    locked.save(update_fields=["time_zone", "next_time_zone", "next_time_zone_at"])
    _record(locked, actor, "time_zone", old, name)


@transaction.atomic
def change_quota(*, workspace: Workspace, admin: User, quota_bytes: int | None) -> None:
    """Change how much a workspace may store, on behalf of a site admin; None sets it back to the studio's setting."""
    assert admin.is_staff
    locked = lock_workspace(workspace)
    old = locked.quota_bytes
    if old == quota_bytes:
        return
    locked.quota_bytes = quota_bytes
    locked.save(update_fields=["quota_bytes"])
    _record(locked, admin, "quota_bytes", old, quota_bytes)
    details = {"setting": "quota_bytes", "old": old, "new": quota_bytes, "workspace": locked.name}
    record_activity(workspace=None, kind=Kind.SETTINGS_CHANGED, actor=admin, reference=locked.pk, details=details)


Value = str | int | list[str] | None


def _record(workspace: Workspace, actor: User, setting: str, old: Value, new: Value) -> None:
    details = {"setting": setting, "old": old, "new": new}
    record_activity(workspace=workspace, kind=Kind.SETTINGS_CHANGED, actor=actor, details=details)
