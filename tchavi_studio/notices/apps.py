from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "tchavi_studio.notices"

    def ready(self) -> None:
        from tchavi_studio.workspaces.signals import (
            account_deleted,
            invitation_ended,
            invitation_mailed,
            person_invited,
        )

        from .services import (
            delete_notices_of_person,
            notify_of_invitation,
            see_ended_invitation,
            wants_invitation_mail,
        )

        account_deleted.connect(delete_notices_of_person, dispatch_uid="notices.delete_notices_of_person")
        invitation_ended.connect(see_ended_invitation, dispatch_uid="notices.see_ended_invitation")
        invitation_mailed.connect(wants_invitation_mail, dispatch_uid="notices.wants_invitation_mail")
        person_invited.connect(notify_of_invitation, dispatch_uid="notices.notify_of_invitation")
