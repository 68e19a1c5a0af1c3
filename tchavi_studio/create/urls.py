from django.urls import path

from . import views

app_name = "create"
urlpatterns = [
    path("", views.page, name="page"),
    path("submit/", views.submit, name="submit"),
    path("quote/", views.quote, name="quote"),
    path("upload/", views.upload, name="upload"),
    path("use/", views.use, name="use"),
    path("continue/<uuid:generation_id>/", views.continue_clip, name="continue"),
    path("trim/", views.trim, name="trim"),
    path("arrange/", views.arrange, name="arrange"),
]
