from django.urls import path

from . import views
from .statement import views as statement

app_name = "accounting"
urlpatterns = [
    path("", statement.credits_page, name="page"),
    path("<slug:name>.<slug:extension>", statement.export, name="export"),
    path("play/", views.add_play_credits_to_wallet, name="add_play_credits"),
    path("grant/", views.recipients, name="recipients"),
    path("grant/<uuid:recipient_id>/", views.grant, name="grant"),
    path("exposure/", views.exposure, name="exposure"),
    path("exposure/<uuid:reference>/reviewed/", views.mark_reviewed, name="reviewed"),
    path("provider/try-again/", views.try_provider_again, name="try_again"),
]
