"""The webhook pages, mounted at `/w/<slug>/developers/webhooks/`."""

from django.urls import path

from . import views

app_name = "webhooks"
urlpatterns = [
    path("", views.endpoint_list, name="endpoints"),
    path("add/", views.add, name="add"),
    path("<uuid:endpoint_id>/", views.endpoint_page, name="endpoint"),
    path("<uuid:endpoint_id>/edit/", views.edit, name="edit"),
    path("<uuid:endpoint_id>/rotate/", views.rotate, name="rotate"),
    path("<uuid:endpoint_id>/enable/", views.enable, name="enable"),
    path("<uuid:endpoint_id>/disable/", views.disable, name="disable"),
    path("<uuid:endpoint_id>/delete/", views.delete, name="delete"),
    path("<uuid:endpoint_id>/test/", views.send_test, name="test"),
    path("<uuid:endpoint_id>/messages/<str:message_id>/", views.delivery_page, name="delivery"),
    path("<uuid:endpoint_id>/messages/<str:message_id>/redeliver/", views.redeliver_message, name="redeliver"),
]
