from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "tchavi_studio.operations"
