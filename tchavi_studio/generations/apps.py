from django.apps import AppConfig


class GenerationsConfig(AppConfig):
    name = "tchavi_studio.generations"

    def ready(self) -> None:
        from .books import watch_deletions

        watch_deletions()
