from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "tchavi_studio.webhooks"
