"""`make roles`: write docs/roles.md from the table in the code. With --check, only verify that this was done."""

import sys
from pathlib import Path

from django.conf import settings

sys.path.insert(0, str(Path(__file__).parents[1]))
# The labels as they are written in the code.
settings.configure(USE_I18N=False)

from tchavi_studio.workspaces.roles import RANKS, ROLE_PERMISSIONS, Permission, Role  # noqa: E402

PAGE = Path("docs/roles.md")

TEXT = """# Roles

Every member of a workspace has one role. Who may do what is one table in the code (`workspaces/roles.py`). The Team
page shows it too, and this page is made from it (`make roles`).

{table}

- Nobody gives or takes away a role above their own: {ranks}. The last owner
  keeps the role until they hand it over.
- Members see their own clips and the shared ones. Nobody but its creator sees a private clip; who audits sees its
  figures, never its words or pictures.
- Owners and admins may bin, restore or hide clips that others share, and choose their posters; the activity says so.
- An archived workspace can only be read. Its owners may still hand it over, or take it out of the archive.
- Removing somebody ends their API keys of the workspace at once. What they made stays; their open jobs finish.

**The site** has roles of its own, besides those in workspaces: *site admins* find, block and unblock people, end their
sessions, reset their two-factor authentication, make other site admins and site auditors, grant credits, set quotas and
write new prices. *Site auditors* read the workspaces' figures, the prices, the site's activity, and its audit with all
wallets and transfers; both verify the ledger. Neither sees the clips of a workspace that they don't belong to. There is
always a site admin.
"""


def table() -> str:
    """A row for each permission, a column for each role."""
    rows = [["", *(str(role.label) for role in Role)], ["---", *(":-:" for _role in Role)]]
    for permission in Permission:
        marks = ["yes" if permission in ROLE_PERMISSIONS[role] else "–" for role in Role]
        rows.append([str(permission.label), *marks])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> int:
    ranks = " < ".join(str(role.label).lower() for role in sorted(RANKS, key=lambda role: RANKS[role]))
    page = TEXT.format(table=table(), ranks=ranks)
    if "--check" not in sys.argv:
        PAGE.write_text(page)
        return 0
    if PAGE.read_text() != page:
        print(f"{PAGE} is out of date: run `make roles`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
