from django.urls import include, path

from . import frame_views as frames
from . import views
from .bulk import views as bulk
from .bulk import zip_views
from .library import search_views, tag_views
from .library import views as library_views

app_name = "gallery"
urlpatterns = [
    path("gallery/", library_views.gallery, name="gallery"),
    path("gallery/tags/", tag_views.tag_list, name="tag_list"),
    path("gallery/searches/", search_views.search_list, name="searches"),
    path("gallery/searches/save/", search_views.save, name="save_search"),
    path("gallery/searches/<int:search_id>/rename/", search_views.rename, name="rename_search"),
    path("gallery/searches/<int:search_id>/delete/", search_views.delete, name="delete_search"),
    path("gallery/older/", views.older, name="older"),
    path("gallery/bin/", views.bin_page, name="bin"),
    path("gallery/bin/empty/", views.empty_bin, name="empty_bin"),
    path("gallery/bin/unused/", views.delete_unused, name="delete_unused"),
    path("gallery/selected/", bulk.selected, name="selected"),
    path("gallery/choose-collection/", bulk.choose_collection, name="choose_collection"),
    path("gallery/zip/", zip_views.download_zip, name="zip"),
    path("gallery/cancel-waiting/", bulk.cancel_waiting, name="cancel_waiting"),
    path("gallery/bulk/<slug:name>/", bulk.act, name="bulk"),
    path("gallery/jobs/<uuid:job_id>/", bulk.bulk_job, name="bulk_job"),
    path("gallery/jobs/<uuid:job_id>/stop/", bulk.stop_bulk_job, name="stop_bulk_job"),
    path("gallery/jobs/<uuid:job_id>/undo/", bulk.undo_bulk_job, name="undo_bulk_job"),
    path("gallery/jobs/<uuid:job_id>/hide/", bulk.hide_bulk_job, name="hide_bulk_job"),
    path("updates/", views.updates, name="updates"),
    path("clips/<uuid:generation_id>/", views.clip, name="clip"),
    path("clips/<uuid:generation_id>/download/", views.download, name="download"),
    path("clips/<uuid:generation_id>/frame/", frames.frame, name="frame"),
    path("clips/<uuid:generation_id>/frame/keep/", frames.keep_frame, name="keep_frame"),
    path("clips/<uuid:generation_id>/poster/", frames.poster, name="poster"),
    path("clips/<uuid:generation_id>/sound/", frames.sound, name="sound"),
    path("media/<uuid:asset_id>/<str:variant>", views.media, name="media"),
    path("clips/<uuid:generation_id>/share/", views.share, name="share"),
    path("clips/<uuid:generation_id>/unshare/", views.unshare, name="unshare"),
    path("clips/<uuid:generation_id>/cancel/", views.cancel, name="cancel"),
    path("clips/<uuid:generation_id>/dismiss/", views.dismiss, name="dismiss"),
    path("clips/<uuid:generation_id>/delete/", views.delete, name="delete"),
    path("clips/<uuid:generation_id>/restore/", views.restore, name="restore"),
    path("", include("tchavi_studio.gallery.organising.urls")),
    path("requests/<uuid:request_id>/withdraw/", views.withdraw, name="withdraw"),
    path("requests/<uuid:request_id>/dismiss/", views.dismiss_ended_request, name="dismiss_request"),
]
