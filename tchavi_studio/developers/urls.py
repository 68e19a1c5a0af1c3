"""The Developers pages, mounted at `/w/<slug>/developers/`."""

from django.urls import path

from .views import keys, reference, webhooks

app_name = "developers"
urlpatterns = [
    path("", keys.keys_page, name="keys"),
    path("keys/", keys.create, name="create_key"),
    path("keys/<uuid:key_id>/revoke/", keys.revoke, name="revoke_key"),
    path("reference/", reference.reference_page, name="reference"),
    path("webhooks/", webhooks.endpoint_list, name="webhooks"),
    path("webhooks/add/", webhooks.add, name="add_webhook"),
    path("webhooks/<uuid:endpoint_id>/", webhooks.endpoint_page, name="webhook"),
    path("webhooks/<uuid:endpoint_id>/edit/", webhooks.edit, name="edit_webhook"),
    path("webhooks/<uuid:endpoint_id>/rotate/", webhooks.rotate, name="rotate_secret"),
    path("webhooks/<uuid:endpoint_id>/enable/", webhooks.enable, name="enable_webhook"),
    path("webhooks/<uuid:endpoint_id>/disable/", webhooks.disable, name="disable_webhook"),
    path("webhooks/<uuid:endpoint_id>/delete/", webhooks.delete, name="delete_webhook"),
    path("webhooks/<uuid:endpoint_id>/test/", webhooks.send_test, name="test_webhook"),
    path("webhooks/<uuid:endpoint_id>/messages/<str:message_id>/", webhooks.delivery_page, name="message"),
    path(
        "webhooks/<uuid:endpoint_id>/messages/<str:message_id>/redeliver/",
        webhooks.redeliver_message,
        name="redeliver_message",
    ),
]
