"""Part of the gallery's URLs."""

from django.urls import path

from . import collection_views as collections
from . import views

urlpatterns = [
    path("clips/<uuid:generation_id>/favourite/", views.favourite, name="favourite"),
    path("clips/<uuid:generation_id>/unfavourite/", views.unfavourite, name="unfavourite"),
    path("clips/<uuid:generation_id>/rate/", views.rate, name="rate"),
    path("clips/<uuid:generation_id>/tags/add/", views.add_tag, name="add_tag"),
    path("clips/<uuid:generation_id>/tags/<int:tag_id>/remove/", views.remove_tag, name="remove_tag"),
    path("clips/<uuid:generation_id>/organised/", views.organised, name="organised"),
    path("clips/<uuid:generation_id>/collect/", views.collect, name="collect"),
    path("tags/", views.tags, name="tags"),
    path("collections/", collections.collection_list, name="collections"),
    path("collections/create/", collections.create, name="create_collection"),
    path("collections/<int:collection_id>/", collections.collection, name="collection"),
    path("collections/<int:collection_id>/describe/", collections.describe, name="describe_collection"),
    path("collections/<int:collection_id>/delete/", collections.delete, name="delete_collection"),
    path("collections/<int:collection_id>/clips/<uuid:generation_id>/cover/", collections.cover, name="cover"),
    path("collections/<int:collection_id>/clips/<uuid:generation_id>/drop/", collections.drop, name="drop"),
    path("collections/<int:collection_id>/clips/<uuid:generation_id>/move/", collections.move, name="move"),
]
