from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CreateConfig(AppConfig):
    name = "tchavi_studio.create"

    def ready(self) -> None:
        from tchavi_studio.site.navigation import Entry, add_entry
        from tchavi_studio.workspaces.signals import account_deleted

        from .services import delete_drafts_of_person

        account_deleted.connect(delete_drafts_of_person, dispatch_uid="create.delete_drafts_of_person")
        add_entry(Entry(position=1, label=_("Create"), icon="wand-sparkles", url_name="create:page"))
