"""The invitations that were sent to the viewer's own addresses, under /account/invitations/."""

from django.urls import path

from . import joining

app_name = "own_invitations"

urlpatterns = [
    path("", joining.own, name="list"),
    path("<uuid:invitation_id>/accept/", joining.accept_own, name="accept"),
]
