from django.apps import AppConfig


class AccountingConfig(AppConfig):
    name = "tchavi_studio.accounting"
