from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class GalleryConfig(AppConfig):
    name = "tchavi_studio.gallery"

    def ready(self) -> None:
        from tchavi_studio.notices.models import NoticeKind
        from tchavi_studio.site.navigation import Entry, add_entry
        from tchavi_studio.site.shortcuts import Shortcut, add_shortcuts
        from tchavi_studio.site.targets import add_target

        from .queries import path_of_noticed_clip

        add_target(NoticeKind.CLIP_DONE, NoticeKind.CLIP_FAILED, target=path_of_noticed_clip)
        add_entry(Entry(position=2, label=_("Gallery"), icon="images", url_name="gallery:gallery"))
        add_shortcuts(
            _("Gallery"),
            Shortcut(name="search", keys=("/",), shown=("/",), label=_("goes to the search")),
            Shortcut(shown=("←", "→", "↑", "↓"), label=_("move from clip to clip")),
            Shortcut(
                name="play", keys=("Space",), shown=(pgettext_lazy("key", "Space"),), label=_("plays without sound")
            ),
            Shortcut(name="select", keys=("x",), shown=("X",), label=_("selects the clip")),
            Shortcut(name="favourite", keys=("f",), shown=("F",), label=_("makes the clip a favourite, or not")),
            Shortcut(shown=("Ctrl+A",), label=_("selects all results")),
            Shortcut(name="select_nothing", keys=("Escape",), shown=("Esc",), label=_("selects nothing")),
            Shortcut(shown=("Alt+←", "Alt+→"), label=_("move the clip in a collection")),
        )
        add_shortcuts(
            pgettext_lazy("an opened clip", "Clip"),
            Shortcut(
                name="play_clip", keys=("Space",), shown=(pgettext_lazy("key", "Space"),), label=_("plays and stops")
            ),
            Shortcut(name="frame_back", keys=(",",), shown=(",",), label=_("goes one frame back")),
            Shortcut(name="frame_on", keys=(".",), shown=(".",), label=_("goes one frame on")),
            Shortcut(name="previous_clip", keys=("ArrowLeft",), shown=("←",), label=_("leads to the previous clip")),
            Shortcut(name="next_clip", keys=("ArrowRight",), shown=("→",), label=_("leads to the next clip")),
        )
        add_entry(Entry(position=3, label=_("References"), icon="paperclip", url_name="references:references"))
