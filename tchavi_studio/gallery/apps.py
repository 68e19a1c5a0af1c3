from django.apps import AppConfig


class GalleryConfig(AppConfig):
    name = "tchavi_studio.gallery"
