from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountingConfig(AppConfig):
    name = "tchavi_studio.accounting"

    def ready(self) -> None:
        from tchavi_studio.site.navigation import Entry, add_entry
        from tchavi_studio.workspaces.signals import workspace_created

        from .services import welcome_with_credits

        workspace_created.connect(welcome_with_credits, dispatch_uid="accounting.welcome_with_credits")
        add_entry(Entry(position=3, label=_("Credits"), icon="coins", url_name="accounting:page"))
