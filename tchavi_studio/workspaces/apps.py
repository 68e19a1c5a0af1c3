from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "tchavi_studio.workspaces"
