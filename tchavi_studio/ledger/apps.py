from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "tchavi_studio.ledger"

    def ready(self) -> None:
        from . import checks  # noqa: F401  # registers itself
