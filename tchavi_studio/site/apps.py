from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SiteConfig(AppConfig):
    name = "tchavi_studio.site"

    def ready(self) -> None:
        from allauth.account.signals import email_added

        from .mails import tell_of_added_email
        from .shortcuts import Shortcut, add_shortcuts

        add_shortcuts(
            _("Everywhere"),
            Shortcut(name="shortcuts", keys=("?",), shown=("?",), label=_("lists the shortcuts")),
            Shortcut(shown=("Esc",), label=_("closes what is open")),
        )
        email_added.connect(tell_of_added_email, dispatch_uid="site.tell_of_added_email")
