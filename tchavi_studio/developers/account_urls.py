"""A person's keys in all workspaces, mounted at `/account/keys/`."""

from django.urls import path

from .views import own_keys

app_name = "own_keys"
urlpatterns = [
    path("", own_keys.own_keys, name="list"),
    path("<uuid:key_id>/revoke/", own_keys.revoke, name="revoke"),
]
