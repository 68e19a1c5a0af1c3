from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "tchavi_studio.notices"

    def ready(self) -> None:
        from tchavi_studio.workspaces.signals import account_deleted, person_invited

        from .services import delete_notices_of_person, notify_of_invitation

        account_deleted.connect(delete_notices_of_person, dispatch_uid="notices.delete_notices_of_person")
        person_invited.connect(notify_of_invitation, dispatch_uid="notices.notify_of_invitation")
