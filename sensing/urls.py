"""Pages of sensing: live, cameras, scenes, history, settings of the site."""

from __future__ import annotations

from django.urls import path

from sensing.views import cameras, deployments, history, live, scenes, site

urlpatterns = [
    path("", live.live, name="live"),
    path("cameras/", cameras.camera_list_page, name="camera_list"),
    path("cameras/new/", cameras.camera_new, name="camera_new"),
    path("cameras/<int:pk>/", cameras.camera_page, name="camera"),
    path("cameras/<int:pk>/edit/", cameras.camera_edit, name="camera_edit"),
    path("cameras/<int:pk>/pause/", cameras.camera_pause_page, name="camera_pause"),
    path("cameras/<int:pk>/resume/", cameras.camera_resume_page, name="camera_resume"),
    path("cameras/<int:pk>/delete/", cameras.camera_delete_page, name="camera_delete"),
    path("cameras/<int:pk>/scene/", scenes.scene_editor, name="scene_editor"),
    path("cameras/<int:pk>/scene/export/", scenes.scene_export, name="scene_export"),
    path("cameras/<int:pk>/scene/import/", scenes.scene_import, name="scene_import"),
    path("history/", history.history, name="history"),
    path("history/zones/", history.zone_bins_page, name="history_zones"),
    path("models/deployments/", deployments.deployments_page, name="deployments"),
    path("settings/", site.settings_page, name="settings"),
]
