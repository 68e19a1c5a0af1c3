from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "tchavi_studio.api"

    def ready(self) -> None:
        from tchavi_studio.workspaces.signals import account_deleted

        from .services import delete_keys_of_person

        account_deleted.connect(delete_keys_of_person, dispatch_uid="api.delete_keys_of_person")
