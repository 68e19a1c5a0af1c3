from django.urls import path

from . import views

app_name = "assets"
urlpatterns = [
    path("media/<uuid:asset_id>/<str:variant>", views.workspace_media, name="media"),
]
