from django.apps import AppConfig


class RecordsConfig(AppConfig):
    name = "tchavi_studio.records"

    def ready(self) -> None:
        from . import checks  # noqa: F401  # registers itself
