from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "tchavi_studio.site"

    def ready(self) -> None:
        from allauth.account.signals import email_added

        from .mails import tell_of_added_email

        email_added.connect(tell_of_added_email, dispatch_uid="site.tell_of_added_email")
