from django.apps import AppConfig


class AccountingConfig(AppConfig):
    name = "tchavi_studio.accounting"

    def ready(self) -> None:
        from tchavi_studio.workspaces.signals import workspace_created

        from .services import welcome_with_credits

        workspace_created.connect(welcome_with_credits, dispatch_uid="accounting.welcome_with_credits")
