from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "tchavi_studio.api"
