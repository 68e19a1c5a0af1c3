from django.urls import path

from . import views

urlpatterns = [
    path("", views.team, name="team"),
    path("members/<int:member_id>/role/", views.change_role, name="change_role"),
    path("members/<int:member_id>/remove/", views.remove, name="remove_member"),
    path("invite/", views.invite, name="invite"),
    path("invite/link/", views.create_link, name="create_link"),
    path("invitations/<uuid:invitation_id>/again/", views.send_again, name="send_again"),
    path("invitations/<uuid:invitation_id>/withdraw/", views.withdraw, name="withdraw"),
]
