from django.urls import path

from . import views

app_name = "references"
urlpatterns = [
    path("", views.references, name="references"),
    path("<uuid:asset_id>/clips/", views.uses, name="uses"),
    path("<uuid:asset_id>/delete/", views.delete, name="delete"),
]
