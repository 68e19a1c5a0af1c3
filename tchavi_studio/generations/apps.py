from django.apps import AppConfig


class GenerationsConfig(AppConfig):
    name = "tchavi_studio.generations"
