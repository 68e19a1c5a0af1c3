from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GalleryConfig(AppConfig):
    name = "tchavi_studio.gallery"

    def ready(self) -> None:
        from tchavi_studio.site.navigation import Entry, add_entry

        add_entry(Entry(position=2, label=_("Gallery"), icon="images", url_name="gallery:gallery"))
