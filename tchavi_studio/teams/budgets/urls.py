from django.urls import path

from . import views

urlpatterns = [
    path("", views.requests, name="requests"),
    path("own/", views.limit_myself, name="limit_myself"),
    path("<int:member_id>/", views.set_budget, name="set_budget"),
    path("requests/<uuid:request_id>/approve/", views.approve, name="approve_request"),
    path("requests/<uuid:request_id>/raise/", views.raise_budget, name="raise_budget"),
    path("requests/<uuid:request_id>/decline/", views.decline, name="decline_request"),
]
