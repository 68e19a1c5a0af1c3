from django.apps import AppConfig


class CreateConfig(AppConfig):
    name = "tchavi_studio.create"
