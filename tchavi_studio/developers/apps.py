from django.apps import AppConfig


class DevelopersConfig(AppConfig):
    name = "tchavi_studio.developers"
