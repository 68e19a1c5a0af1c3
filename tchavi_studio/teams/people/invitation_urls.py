"""What invited people open, under /invitations/. They may have no account."""

from django.urls import path

from . import joining

app_name = "invitations"

urlpatterns = [
    path("accept/", joining.accept, name="accept"),
    path("switch/", joining.switch, name="switch"),
    path("<str:token>/", joining.open_link, name="open"),
]
