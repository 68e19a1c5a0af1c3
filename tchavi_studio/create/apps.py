from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CreateConfig(AppConfig):
    name = "tchavi_studio.create"

    def ready(self) -> None:
        from tchavi_studio.site.navigation import Entry, add_entry

        add_entry(Entry(position=1, label=_("Create"), icon="wand-sparkles", url_name="create:page"))
