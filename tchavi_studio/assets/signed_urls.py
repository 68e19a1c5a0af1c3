from django.urls import path

from . import views

app_name = "media"
urlpatterns = [
    path("<str:token>/<str:filename>", views.signed_media, name="signed"),
]
