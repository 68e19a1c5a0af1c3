"""Under /w/<slug>/."""

from django.urls import include, path

app_name = "teams"

urlpatterns = [
    path("team/", include("tchavi_studio.teams.people.urls")),
    path("team/budgets/", include("tchavi_studio.teams.budgets.urls")),
    path("team/activity/", include("tchavi_studio.teams.activity.urls")),
    path("settings/", include("tchavi_studio.teams.workspaces.urls")),
]
