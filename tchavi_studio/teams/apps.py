from django.apps import AppConfig


class TeamsConfig(AppConfig):
    name = "tchavi_studio.teams"
