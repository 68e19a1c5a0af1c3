from django.apps import AppConfig
from django.db.backends.signals import connection_created

from .write_lock import wait_in_short_steps


class RuntimeConfig(AppConfig):
    name = "tchavi_studio.runtime"

    def ready(self) -> None:
        connection_created.connect(wait_in_short_steps)
