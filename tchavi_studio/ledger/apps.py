from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "tchavi_studio.ledger"

    def ready(self) -> None:
        from . import append_only  # noqa: F401  # has the system check watch over the transfers
