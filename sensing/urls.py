"""Pages of sensing: live, cameras, scenes, history, settings of the site."""

from __future__ import annotations

from django.urls import path

from sensing.api.metrics import MetricsView
from sensing.views import (
    calibrations,
    cameras,
    certificates,
    deployments,
    exports,
    history,
    live,
    messaging,
    movements,
    people,
    recounts,
    scenes,
    site,
    traffic,
)

urlpatterns = [
    path("", live.live, name="live"),
    path("cameras/", cameras.camera_list_page, name="camera_list"),
    path("cameras/new/", cameras.camera_new, name="camera_new"),
    path("cameras/<int:pk>/", cameras.camera_page, name="camera"),
    path("cameras/<int:pk>/edit/", cameras.camera_edit, name="camera_edit"),
    path("cameras/<int:pk>/pause/", cameras.camera_pause_page, name="camera_pause"),
    path("cameras/<int:pk>/resume/", cameras.camera_resume_page, name="camera_resume"),
    path("cameras/<int:pk>/delete/", cameras.camera_delete_page, name="camera_delete"),
    path("cameras/<int:pk>/calibration/", calibrations.calibration_page, name="calibration"),
    path("cameras/<int:pk>/scene/", scenes.scene_editor, name="scene_editor"),
    path("cameras/<int:pk>/scene/export/", scenes.scene_export, name="scene_export"),
    path("cameras/<int:pk>/scene/import/", scenes.scene_import, name="scene_import"),
    path("traffic/", traffic.counts, name="traffic"),
    path("traffic/speeds/", traffic.speeds, name="traffic_speeds"),
    path("traffic/flow/", traffic.flow, name="traffic_flow"),
    path("history/", history.history, name="history"),
    path("export/", exports.export_page, name="export"),
    path("people/", people.people_page, name="people"),
    path("traffic/movements/", movements.movements_page, name="movements"),
    path("traffic/heat/", movements.heat_page, name="heat"),
    path("models/deployments/", deployments.deployments_page, name="deployments"),
    path("recounts/", recounts.recounts_page, name="recounts"),
    path("recounts/policy/", recounts.recount_policy, name="recount_policy"),
    path("recounts/<int:pk>/", recounts.recount_page, name="recount"),
    path("recounts/<int:pk>/strip/<str:name>", recounts.recount_tile, name="recount_tile"),
    path("recounts/<int:pk>/stop/", recounts.recount_stop_page, name="recount_stop"),
    path(
        "recounts/<int:pk>/strip-delete/",
        recounts.recount_strip_delete_page,
        name="recount_strip_delete",
    ),
    path("recounts/<int:pk>/delete/", recounts.recount_delete_page, name="recount_delete"),
    path("certificates/<int:pk>/", certificates.certificate_page, name="certificate"),
    path("certificates/<int:pk>/pdf/", certificates.certificate_pdf_page, name="certificate_pdf"),
    path(
        "certificates/<int:pk>/strip.jpg",
        certificates.certificate_picture,
        name="certificate_picture",
    ),
    path("settings/", site.settings_page, name="settings"),
    path("settings/messages/", messaging.messages_page, name="messages"),
    path("settings/messages/seen/", messaging.messages_dropped_seen, name="messages_seen"),
    path("settings/messages/webhooks/new/", messaging.webhook_new, name="webhook_new"),
    path("settings/messages/webhooks/<int:pk>/", messaging.webhook_page, name="webhook"),
    path(
        "settings/messages/webhooks/<int:pk>/delete/",
        messaging.webhook_delete_page,
        name="webhook_delete",
    ),
    path("metrics", MetricsView.as_view(), name="metrics"),
]
