from django.urls import path

from . import views

urlpatterns = [
    path("", views.settings_page, name="settings"),
    path("name/", views.rename, name="rename"),
    path("time-zone/", views.time_zone, name="time_zone"),
    path("ownership/", views.ownership, name="ownership"),
    path("ownership/hand-over/", views.hand_over_to, name="hand_over"),
    path("ownership/archive/", views.archive, name="archive"),
    path("ownership/unarchive/", views.unarchive, name="unarchive"),
    path("leave/", views.leave, name="leave"),
]
