"""Under /workspaces/: the workspaces of a person."""

from django.urls import path

from . import views

app_name = "workspaces"

urlpatterns = [
    path("", views.own_workspaces, name="list"),
    path("new/", views.new_workspace, name="new"),
]
