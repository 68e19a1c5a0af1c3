from django.urls import include, path

from . import views

app_name = "site_admin"

urlpatterns = [
    path("people/", views.people, name="people"),
    path("people/<int:person_id>/", views.person, name="person"),
    path("people/<int:person_id>/block/", views.block, name="block"),
    path("people/<int:person_id>/unblock/", views.unblock, name="unblock"),
    path("people/<int:person_id>/end-sessions/", views.end_sessions, name="end_sessions"),
    path("people/<int:person_id>/reset-two-factor/", views.reset_two_factor, name="reset_two_factor"),
    path("people/<int:person_id>/roles/", views.site_roles, name="roles"),
    path("workspaces/", views.workspaces, name="workspaces"),
    path("workspaces/<uuid:workspace_id>/", views.workspace, name="workspace"),
    path("prices/", include("tchavi_studio.teams.prices.urls")),
    path("activity/", views.activity, name="activity"),
]
