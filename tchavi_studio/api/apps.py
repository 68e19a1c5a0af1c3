from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "tchavi_studio.api"

    def ready(self) -> None:
        from tchavi_studio.workspaces.signals import account_deleted, membership_ended

        from .services import delete_keys_of_person, revoke_keys_of_member

        account_deleted.connect(delete_keys_of_person, dispatch_uid="api.delete_keys_of_person")
        membership_ended.connect(revoke_keys_of_member, dispatch_uid="api.revoke_keys_of_member")
