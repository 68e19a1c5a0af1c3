from django.apps import AppConfig


class AssetsConfig(AppConfig):
    name = "tchavi_studio.assets"
