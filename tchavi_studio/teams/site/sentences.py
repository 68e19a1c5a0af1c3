"""What the rows of the site's own activity say, in the reader's language."""

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tchavi_studio.site.devices import device_label
from tchavi_studio.workspaces.activity import Kind
from tchavi_studio.workspaces.models import ActivityRow

SENTENCES = {
    Kind.PERSON_BLOCKED: gettext_lazy("%(actor)s blocked %(subject)s"),
    Kind.PERSON_UNBLOCKED: gettext_lazy("%(actor)s unblocked %(subject)s"),
    Kind.TWO_FACTOR_RESET: gettext_lazy("%(actor)s reset the two-factor authentication of %(subject)s"),
    Kind.SITE_ROLE_CHANGED: gettext_lazy("%(actor)s changed the site roles of %(subject)s: %(roles)s"),
    Kind.SETTINGS_CHANGED: gettext_lazy("%(actor)s changed the quota of %(workspace)s from %(old)s to %(new)s"),
    Kind.NEW_DEVICE: gettext_lazy("%(actor)s signed in on a new device: %(device)s"),
}


def sentence_of(row: ActivityRow) -> str:
    """One sentence, without its time and its reason."""
    details = row.details
    facts = {
        "actor": row.actor.display_name if row.actor else _("The studio"),
        "subject": row.subject.display_name if row.subject else "",
    }
    if row.kind == Kind.SESSIONS_ENDED:
        count = details["count"]
        text = ngettext(
            "%(actor)s ended %(count)s session of %(subject)s",
            "%(actor)s ended %(count)s sessions of %(subject)s",
            count,
        )
        return text % {**facts, "count": count}
    if row.kind == Kind.SITE_ROLE_CHANGED:
        names = {"admin": _("site admin"), "auditor": _("site auditor")}
        facts["roles"] = ", ".join(names[role] for role in names if details[f"new_{role}"]) or _("none")
    elif row.kind == Kind.SETTINGS_CHANGED:
        usual = _("the studio's setting")
        facts |= {
            "workspace": details["workspace"],
            "old": usual if details["old"] is None else filesizeformat(details["old"]),
            "new": usual if details["new"] is None else filesizeformat(details["new"]),
        }
    elif row.kind == Kind.NEW_DEVICE:
        facts["device"] = device_label(details["device"])
    known = {str(kind): text for kind, text in SENTENCES.items()}
    return str(known[row.kind]) % facts if row.kind in known else str(Kind(row.kind).label)
