from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "tchavi_studio.site"
