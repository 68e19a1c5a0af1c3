from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "tchavi_studio.notices"

    def ready(self) -> None:
        from tchavi_studio.workspaces.signals import account_deleted, invitation_ended, person_invited

        from .services import delete_notices_of_person, notify_of_invitation, see_ended_invitation

        account_deleted.connect(delete_notices_of_person, dispatch_uid="notices.delete_notices_of_person")
        invitation_ended.connect(see_ended_invitation, dispatch_uid="notices.see_ended_invitation")
        person_invited.connect(notify_of_invitation, dispatch_uid="notices.notify_of_invitation")
