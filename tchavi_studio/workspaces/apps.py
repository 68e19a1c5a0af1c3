from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "tchavi_studio.workspaces"

    def ready(self) -> None:
        from allauth.account.signals import password_changed, password_reset, password_set

        from .adapter import end_sessions_with_old_password

        for new_password in (password_changed, password_reset, password_set):
            new_password.connect(end_sessions_with_old_password, dispatch_uid="workspaces.end_sessions")
