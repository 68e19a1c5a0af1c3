from django.urls import path

from . import views

urlpatterns = [
    path("", views.activity, name="activity"),
    path("export.<str:extension>", views.export, name="export_activity"),
]
