from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GalleryConfig(AppConfig):
    name = "tchavi_studio.gallery"

    def ready(self) -> None:
        from tchavi_studio.notices.models import NoticeKind
        from tchavi_studio.site.navigation import Entry, add_entry
        from tchavi_studio.site.targets import add_target

        from .queries import path_of_noticed_clip

        add_target(NoticeKind.CLIP_DONE, NoticeKind.CLIP_FAILED, target=path_of_noticed_clip)
        add_entry(Entry(position=2, label=_("Gallery"), icon="images", url_name="gallery:gallery"))
        add_entry(Entry(position=3, label=_("References"), icon="paperclip", url_name="references:references"))
