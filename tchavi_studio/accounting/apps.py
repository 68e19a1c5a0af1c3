from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountingConfig(AppConfig):
    name = "tchavi_studio.accounting"

    def ready(self) -> None:
        from django.urls import reverse

        from tchavi_studio.notices.models import Notice, NoticeKind
        from tchavi_studio.notices.queries import may_be_told
        from tchavi_studio.site.navigation import Entry, add_entry
        from tchavi_studio.site.targets import add_strangers_target, add_target
        from tchavi_studio.workspaces.models import Membership, Permission
        from tchavi_studio.workspaces.signals import person_welcomed

        from .services import welcome_with_credits

        def credits_path(notice: Notice, membership: Membership) -> str:
            return reverse("accounting:page", args=[membership.workspace.slug])

        def audit_path(notice: Notice) -> str | None:
            return reverse("site_audit:page") if may_be_told(notice.user, notice.kind) else None

        add_target(NoticeKind.BUDGET_80, NoticeKind.BUDGET_100, NoticeKind.LOW_BALANCE, target=credits_path)
        add_strangers_target(NoticeKind.LEDGER_FINDINGS, target=audit_path)
        person_welcomed.connect(welcome_with_credits, dispatch_uid="accounting.welcome_with_credits")
        add_entry(Entry(position=4, label=_("Credits"), icon="coins", url_name="accounting:page"))
        add_entry(
            Entry(position=6, label=_("Audit"), icon="shield-check", url_name="audit:page", permission=Permission.AUDIT)
        )
