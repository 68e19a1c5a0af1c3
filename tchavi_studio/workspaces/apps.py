from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "tchavi_studio.workspaces"

    def ready(self) -> None:
        from allauth.account.signals import email_confirmed, password_changed, password_reset, password_set
        from django.contrib.auth.signals import user_logged_in

        from . import activity  # noqa: F401  # has the system check watch over it
        from .adapter import end_sessions_with_old_password
        from .services import release_email, remember_language_at_sign_in

        user_logged_in.connect(remember_language_at_sign_in, dispatch_uid="workspaces.remember_language")
        email_confirmed.connect(release_email, dispatch_uid="workspaces.release_email")
        for new_password in (password_changed, password_reset, password_set):
            new_password.connect(end_sessions_with_old_password, dispatch_uid="workspaces.end_sessions")
