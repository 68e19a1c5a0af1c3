"""The Developers pages, mounted at `/w/<slug>/developers/`."""

from django.urls import path

from . import developers

app_name = "developers"
urlpatterns = [
    path("", developers.keys_page, name="keys"),
    path("keys/", developers.create, name="create-key"),
    path("keys/<uuid:key_id>/revoke/", developers.revoke, name="revoke-key"),
    path("reference/", developers.reference, name="reference"),
]
