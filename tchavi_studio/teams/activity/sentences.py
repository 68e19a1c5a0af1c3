"""What the rows of a workspace's and of the site's activity say, in the reader's language."""

from collections.abc import Callable, Mapping
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.formats import number_format
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from tchavi_studio.generations.params import MODELS
from tchavi_studio.site.devices import device_label
from tchavi_studio.workspaces.activity import Kind
from tchavi_studio.workspaces.models import ActivityRow, Role, Visibility

SENTENCES: dict[str, Any] = {
    Kind.WORKSPACE_CREATED: gettext_lazy("%(actor)s created the workspace %(name)s"),
    Kind.WORKSPACE_RENAMED: gettext_lazy("%(actor)s renamed the workspace from %(old)s to %(new)s"),
    Kind.WORKSPACE_ARCHIVED: gettext_lazy("%(actor)s archived the workspace"),
    Kind.WORKSPACE_UNARCHIVED: gettext_lazy("%(actor)s took the workspace out of the archive"),
    Kind.OWNERSHIP_HANDED_OVER: gettext_lazy("%(actor)s handed the workspace over to %(subject)s"),
    Kind.SETTINGS_CHANGED: gettext_lazy("%(actor)s changed %(setting)s from %(old)s to %(new)s"),
    Kind.INVITATION_RESENT: gettext_lazy("%(actor)s sent an invitation as %(role)s again"),
    Kind.INVITATION_WITHDRAWN: gettext_lazy("%(actor)s withdrew an invitation as %(role)s"),
    Kind.MEMBER_JOINED: gettext_lazy("%(actor)s joined as %(role)s"),
    Kind.MEMBER_LEFT: gettext_lazy("%(actor)s left"),
    Kind.MEMBER_REMOVED: gettext_lazy("%(actor)s removed %(subject)s, who was %(role)s"),
    Kind.ROLE_CHANGED: gettext_lazy("%(actor)s changed the role of %(subject)s from %(old_role)s to %(role)s"),
    Kind.BUDGET_CHANGED: gettext_lazy("%(actor)s changed the budget of %(subject)s from %(old)s to %(new)s"),
    Kind.APPROVAL_ASKED: gettext_lazy("%(actor)s asked for approval of %(price)s"),
    Kind.APPROVAL_GIVEN: gettext_lazy("%(actor)s approved %(price)s for %(subject)s"),
    Kind.APPROVAL_DECLINED: gettext_lazy("%(actor)s declined %(price)s for %(subject)s"),
    Kind.CREDITS_GRANTED: gettext_lazy("%(actor)s granted %(price)s"),
    Kind.KEY_CREATED: gettext_lazy("%(actor)s made the API key %(name)s"),
    Kind.KEY_CHANGED: gettext_lazy("%(actor)s changed the API key %(name)s"),
    Kind.KEY_REVOKED: gettext_lazy("%(actor)s revoked the API key %(name)s"),
    Kind.WEBHOOK_CREATED: gettext_lazy("%(actor)s added a webhook to %(host)s"),
    Kind.WEBHOOK_CHANGED: gettext_lazy("%(actor)s changed the webhook to %(host)s"),
    Kind.WEBHOOK_DELETED: gettext_lazy("%(actor)s deleted the webhook to %(host)s"),
    Kind.CLIP_DELETED: gettext_lazy("%(actor)s moved a clip of %(subject)s to the bin"),
    Kind.CLIP_RESTORED: gettext_lazy("%(actor)s restored a clip of %(subject)s"),
    Kind.BIN_EMPTIED: gettext_lazy("%(actor)s emptied their bin"),
    Kind.CLIP_SHARED: gettext_lazy("%(actor)s shared a clip with the workspace"),
    Kind.CLIP_UNSHARED: gettext_lazy("%(actor)s made a clip of %(subject)s private"),
    Kind.POSTER_CHOSEN: gettext_lazy("%(actor)s chose another poster for a clip of %(subject)s"),
    Kind.NEW_DEVICE: gettext_lazy("%(actor)s signed in on a new device: %(device)s"),
    Kind.PERSON_BLOCKED: gettext_lazy("%(actor)s blocked %(subject)s"),
    Kind.PERSON_UNBLOCKED: gettext_lazy("%(actor)s unblocked %(subject)s"),
    Kind.TWO_FACTOR_RESET: gettext_lazy("%(actor)s reset the two-factor authentication of %(subject)s"),
    Kind.SITE_ROLE_CHANGED: gettext_lazy("%(actor)s changed the site roles of %(subject)s: %(roles)s"),
    Kind.AUDIT_OPENED: gettext_lazy("%(actor)s opened the audit"),
    Kind.HEADS_EXPORTED: gettext_lazy("%(actor)s exported the heads of all chains"),
    Kind.VERIFICATION_STARTED: gettext_lazy("%(actor)s started a verification"),
    Kind.PRICES_CHANGED: gettext_lazy("%(actor)s wrote version %(version)s of the prices"),
}

OF_ONES_OWN = {
    Kind.CLIP_DELETED: gettext_lazy("%(actor)s moved a clip to the bin"),
    Kind.CLIP_RESTORED: gettext_lazy("%(actor)s restored a clip"),
    Kind.CLIP_UNSHARED: gettext_lazy("%(actor)s made a clip private"),
    Kind.APPROVAL_DECLINED: gettext_lazy("%(actor)s withdrew a request for %(price)s"),
    Kind.BUDGET_CHANGED: gettext_lazy("%(actor)s changed their own budget from %(old)s to %(new)s"),
}
"""What is said instead where the actor did it to what is their own."""

OF_MANY = {
    Kind.CLIP_DELETED: ngettext_lazy(
        "%(actor)s moved %(count)s clip to the bin", "%(actor)s moved %(count)s clips to the bin", "number"
    ),
    Kind.CLIP_RESTORED: ngettext_lazy(
        "%(actor)s restored %(count)s clip", "%(actor)s restored %(count)s clips", "number"
    ),
    Kind.CLIP_SHARED: ngettext_lazy(
        "%(actor)s shared %(count)s clip with the workspace",
        "%(actor)s shared %(count)s clips with the workspace",
        "number",
    ),
    Kind.CLIP_UNSHARED: ngettext_lazy(
        "%(actor)s made %(count)s clip private", "%(actor)s made %(count)s clips private", "number"
    ),
}
"""What is said instead of an act on many clips."""

SETTINGS = {
    "default_visibility": gettext_lazy("who sees new clips"),
    "allowed_models": gettext_lazy("the allowed models"),
    "default_budget_credits": gettext_lazy("the budget of new members"),
    "bin_days": gettext_lazy("how long the bin keeps clips"),
    "time_zone": gettext_lazy("the time zone"),
    "quota_bytes": gettext_lazy("the storage quota"),
}


def sentence_of(row: ActivityRow) -> str:
    """One sentence, without its time and its reason, as plain text."""
    return _sentence(row, _facts(row))


def marked_sentence_of(row: ActivityRow) -> SafeString:
    """The same for a page, with the actor's name in bold."""
    facts: dict[str, str] = {name: conditional_escape(fact) for name, fact in _facts(row).items()}
    facts["actor"] = format_html("<b>{}</b>", _actor(row))
    return mark_safe(_sentence(row, facts))  # noqa: S308  # every fact is escaped; the texts are ours


def _actor(row: ActivityRow) -> str:
    return row.actor.display_name if row.actor else _("The studio")


def _sentence(row: ActivityRow, facts: Mapping[str, str]) -> str:
    details = row.details
    if row.kind == Kind.MEMBER_INVITED:
        text = (
            _("%(actor)s invited somebody by mail as %(role)s")
            if details["by_mail"]
            else _("%(actor)s made an invitation link for one %(role)s")
        )
    elif row.kind == Kind.SESSIONS_ENDED:
        text = ngettext(
            "%(actor)s ended %(count)s session of %(subject)s",
            "%(actor)s ended %(count)s sessions of %(subject)s",
            details["count"],
        )
    elif row.kind == Kind.CREDITS_EXPORTED:
        text = (
            _("%(actor)s downloaded the statement, up to row #%(row)s")
            if details["what"] == "statement"
            else _("%(actor)s downloaded what was spent by month")
        )
    elif row.kind in OF_MANY and "count" in details:
        return str(OF_MANY[Kind(row.kind)] % {**facts, "number": details["count"]})
    elif row.kind == Kind.SETTINGS_CHANGED and "workspace" in details:
        text = _("%(actor)s changed the quota of %(workspace)s from %(old)s to %(new)s")
    elif row.subject_id is not None and row.subject_id == row.actor_id and row.kind in OF_ONES_OWN:
        text = str(OF_ONES_OWN[Kind(row.kind)])
    else:
        text = str(SENTENCES[row.kind])
    return text % facts


def _facts(row: ActivityRow) -> dict[str, str]:
    """What the sentences name, as plain text."""
    details = row.details
    facts = {
        "actor": _actor(row),
        "subject": row.subject.display_name if row.subject else "",
        "name": str(details.get("name", "")),
        "host": str(details.get("host", "")),
        "workspace": str(details.get("workspace", "")),
        "version": number_format(details["version"]) if "version" in details else "",
        "count": number_format(details["count"]) if "count" in details else "",
        "row": number_format(details["row"]) if "row" in details else "",
        "old": str(details.get("old", "")),
        "new": str(details.get("new", "")),
    }
    for role in ("role", "old_role"):
        if role in details:
            facts[role] = str(Role(details[role]).label)
    for name in ("price_credits", "amount_credits"):
        if name in details:
            facts["price"] = _credits(details[name])
    if row.kind == Kind.BUDGET_CHANGED:
        facts |= {"old": _budget(details["old_credits"]), "new": _budget(details["new_credits"])}
    elif row.kind == Kind.SETTINGS_CHANGED:
        shown = _shown_setting(details["setting"])
        facts |= {
            "setting": str(SETTINGS[details["setting"]]),
            "old": shown(details["old"]),
            "new": shown(details["new"]),
        }
    elif row.kind == Kind.WORKSPACE_RENAMED and details["old"] == details["new"]:
        facts |= {"old": details["old_slug"], "new": details["new_slug"]}
    elif row.kind == Kind.SITE_ROLE_CHANGED:
        names = {"admin": _("site admin"), "auditor": _("site auditor")}
        facts["roles"] = ", ".join(names[role] for role in names if details[f"new_{role}"]) or _("none")
    elif row.kind == Kind.NEW_DEVICE:
        facts["device"] = device_label(details["device"])
    return facts


def _credits(count: int) -> str:
    return ngettext("%(count)s credit", "%(count)s credits", count) % {"count": number_format(count)}


def _budget(limit_credits: int | None) -> str:
    return _("no limit") if limit_credits is None else _credits(limit_credits)


def _shown_setting(setting: str) -> Callable[[Any], str]:
    """How a value of a setting is written; None stands for the studio's own setting."""
    usual = _("the studio's setting")
    shown: dict[str, Callable[[Any], str]] = {
        "default_visibility": lambda value: str(Visibility(value).label),
        "allowed_models": lambda names: ", ".join(MODELS.get(name, name) for name in names) or _("all"),
        "default_budget_credits": _budget,
        "bin_days": lambda days: (
            usual
            if days is None
            else ngettext("%(count)s day", "%(count)s days", days) % {"count": number_format(days)}
        ),
        "time_zone": str,
        "quota_bytes": lambda count: usual if count is None else filesizeformat(count),
    }
    return shown[setting]
