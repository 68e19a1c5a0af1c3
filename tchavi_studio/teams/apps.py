from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TeamsConfig(AppConfig):
    name = "tchavi_studio.teams"

    def ready(self) -> None:
        from tchavi_studio.site.navigation import Entry, add_entry

        add_entry(Entry(position=4, label=_("Team"), icon="users", url_name="teams:team"))
