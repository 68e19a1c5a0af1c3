from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TeamsConfig(AppConfig):
    name = "tchavi_studio.teams"

    def ready(self) -> None:
        from tchavi_studio.notices.models import NoticeKind
        from tchavi_studio.site.navigation import Entry, add_entry
        from tchavi_studio.site.targets import add_strangers_target, add_target

        from .budgets.queries import path_of_requests
        from .people.queries import path_of_invitation

        add_target(NoticeKind.APPROVAL_ASKED, target=path_of_requests)
        add_strangers_target(NoticeKind.INVITATION, target=path_of_invitation)
        add_entry(Entry(position=5, label=_("Team"), icon="users", url_name="teams:team"))
