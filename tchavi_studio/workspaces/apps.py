from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "tchavi_studio.workspaces"

    def ready(self) -> None:
        from allauth.account.signals import email_added

        from .adapter import tell_of_added_email

        email_added.connect(tell_of_added_email, dispatch_uid="workspaces.tell_of_added_email")
