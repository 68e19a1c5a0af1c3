from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "tchavi_studio.ledger"
