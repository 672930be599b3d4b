"""Who may open which page and call which endpoint."""

from __future__ import annotations

# Levels, weakest first. "anyone" needs no log-in, "nobody" is refused even to admins.
LEVELS = ("anyone", "member", "viewer", "operator", "admin", "nobody")
Table = dict[str, dict[str, str]]

PAGES: Table = {
    "login": {"GET": "anyone", "POST": "anyone"},
    "logout": {"POST": "anyone"},
    "healthz": {"GET": "anyone"},
    "javascript_catalog": {"GET": "anyone"},
    "live": {"GET": "viewer"},
    "camera_list": {"GET": "viewer"},
    "camera": {"GET": "viewer"},
    "camera_new": {"GET": "operator", "POST": "operator"},
    "camera_edit": {"GET": "operator", "POST": "operator"},
    "camera_pause": {"POST": "operator"},
    "camera_resume": {"POST": "operator"},
    "camera_delete": {"GET": "operator", "POST": "operator"},
    "scene_editor": {"GET": "operator"},
    "scene_export": {"GET": "viewer"},
    "scene_import": {"POST": "operator"},
    "history": {"GET": "viewer"},
    "history_zones": {"GET": "viewer"},
    "model_list": {"GET": "viewer"},
    "model_version": {"GET": "viewer"},
    "model_compress": {"GET": "viewer"},
    "model_compare": {"GET": "viewer"},
    "evaluation_sets": {"GET": "viewer"},
    "evaluation_set": {"GET": "viewer"},
    "job_list": {"GET": "viewer"},
    "audit": {"GET": "operator"},
    "deployments": {"GET": "viewer"},
    "settings": {"GET": "viewer", "POST": "admin"},
    "token_list": {"GET": "admin", "POST": "admin"},
    "token_revoke": {"POST": "admin"},
    "api:docs": {"GET": "member"},
}
API: Table = {
    "api:schema": {"GET": "member"},
    "api:camera-list": {"GET": "viewer", "POST": "operator"},
    "api:camera-detail": {
        "GET": "viewer",
        "PUT": "operator",
        "PATCH": "operator",
        "DELETE": "operator",
    },
    "api:camera-pause": {"POST": "operator"},
    "api:camera-resume": {"POST": "operator"},
    "api:camera-test": {"POST": "operator"},
    "api:camera-test-new": {"POST": "operator"},
    "api:camera-live": {"GET": "viewer"},
    "api:scene": {"GET": "viewer", "PUT": "operator"},
    "api:crossings": {"GET": "viewer"},
    "api:visits": {"GET": "viewer"},
    "api:counts": {"GET": "viewer"},
    "api:live": {"GET": "viewer"},
    "api:modules": {"GET": "viewer"},
    "api:detectors": {"GET": "viewer"},
    "api:site": {"GET": "viewer", "PATCH": "admin"},
    "api:model-list": {"GET": "viewer"},
    "api:model-detail": {"GET": "viewer", "PATCH": "admin", "DELETE": "admin"},
    "api:version-list": {"GET": "viewer"},
    "api:version-detail": {"GET": "viewer", "DELETE": "admin"},
    "api:version-contract": {"PUT": "admin"},
    "api:version-file": {"GET": "viewer"},
    "api:version-preview": {"POST": "viewer"},
    "api:upload-list": {"GET": "viewer", "POST": "admin"},
    "api:upload-detail": {"GET": "viewer", "DELETE": "admin"},
    "api:upload-content": {"PATCH": "admin"},
    "api:upload-finish": {"POST": "admin"},
    "api:job-list": {"GET": "viewer"},
    "api:job-detail": {"GET": "viewer"},
    "api:job-cancel": {"POST": "operator"},
    "api:evaluation-set-list": {"GET": "viewer", "POST": "operator"},
    "api:evaluation-set-detail": {"GET": "viewer", "PATCH": "operator", "DELETE": "admin"},
    "api:evaluation-set-archive": {"PUT": "operator"},
    "api:evaluation-set-images": {"GET": "viewer"},
    "api:set-image": {"GET": "viewer", "PUT": "operator", "DELETE": "operator"},
    "api:set-picture": {"GET": "viewer"},
    "api:benchmark-list": {"GET": "viewer", "POST": "operator"},
    "api:benchmark-detail": {"GET": "viewer", "DELETE": "admin"},
    "api:clips": {"GET": "viewer"},
    "api:comparison": {"GET": "viewer"},
    "api:comparison-boxes": {"POST": "operator"},
    "api:compression-list": {"GET": "viewer", "POST": "operator"},
    "api:compression-detail": {"GET": "viewer", "DELETE": "admin"},
    "api:compression-steps": {"GET": "viewer"},
    "api:compression-dry-run": {"POST": "operator"},
    "api:audit": {"GET": "operator"},
    "api:in-service": {"GET": "viewer"},
    "api:deployment-list": {"GET": "viewer", "POST": "operator"},
    "api:deployment-detail": {"GET": "viewer"},
    "api:deployment-rollback": {"POST": "operator"},
    "api:shadow-list": {"GET": "viewer", "POST": "operator"},
    "api:shadow-detail": {"GET": "viewer"},
    "api:shadow-stop": {"POST": "operator"},
    "api:shadow-promote": {"POST": "operator"},
}
ADMIN_PAGES: Table = {
    "admin:index": {"GET": "operator"},
    "admin:login": {"GET": "anyone"},
    "admin:logout": {"POST": "anyone"},
    "admin:password_change": {"GET": "operator"},
    "admin:password_change_done": {"GET": "operator"},
    "admin:jsi18n": {"GET": "operator"},
    "admin:autocomplete": {"GET": "nobody"},  # no page of ours has such a field
    "admin:view_on_site": {"GET": "operator"},
    "admin:app_list": {"GET": "operator"},
    "admin:auth_user_password_change": {"GET": "admin"},
}
# model: who may (view, add, change, delete) it on the admin pages, which viewers cannot enter
ADMIN_MODELS: dict[str, tuple[str, str, str, str]] = {
    "sensing_camera": ("operator", "operator", "operator", "operator"),
    "sensing_sensingmodule": ("operator", "operator", "operator", "operator"),
    "sensing_scene": ("operator", "nobody", "operator", "nobody"),
    "sensing_site": ("operator", "nobody", "admin", "nobody"),
    "sensing_crossing": ("operator", "nobody", "nobody", "nobody"),
    "sensing_visit": ("operator", "nobody", "nobody", "nobody"),
    "sensing_countinterval": ("operator", "nobody", "nobody", "nobody"),
    "sensing_observedminute": ("operator", "nobody", "nobody", "nobody"),
    "sensing_zoneminute": ("operator", "nobody", "nobody", "nobody"),
    "models_registry_detectionmodel": ("operator", "nobody", "admin", "admin"),
    "models_registry_modelversion": ("operator", "nobody", "nobody", "admin"),
    "models_registry_upload": ("operator", "admin", "nobody", "admin"),
    "models_registry_alias": ("operator", "nobody", "nobody", "nobody"),
    "models_registry_job": ("operator", "nobody", "nobody", "nobody"),
    "models_registry_benchmark": ("operator", "nobody", "nobody", "nobody"),
    "models_registry_compressionrun": ("operator", "nobody", "nobody", "nobody"),
    "models_registry_evaluationset": ("operator", "nobody", "nobody", "nobody"),
    "models_registry_auditentry": ("operator", "nobody", "nobody", "nobody"),
    "sensing_deployment": ("operator", "nobody", "nobody", "nobody"),
    "sensing_shadowrun": ("operator", "nobody", "nobody", "nobody"),
    "sensing_moduledetector": ("operator", "nobody", "nobody", "nobody"),
    "accounts_apitoken": ("admin", "nobody", "nobody", "admin"),
    "auth_user": ("admin", "admin", "admin", "admin"),
    "auth_group": ("admin", "admin", "admin", "admin"),
    "axes_accessattempt": ("admin", "nobody", "admin", "admin"),
    "axes_accesslog": ("admin", "nobody", "admin", "admin"),
    "axes_accessfailurelog": ("admin", "nobody", "admin", "admin"),
}
# What the URLs are about whose name does not begin with their model.
ABOUT = {
    "token_revoke": "accounts_apitoken",
    "model_version": "models_registry_modelversion",
    "model_compress": "models_registry_modelversion",
    "evaluation_set": "models_registry_evaluationset",
    "api:model-detail": "models_registry_detectionmodel",
    "api:version-": "models_registry_modelversion",
    "api:upload-": "models_registry_upload",
    "api:job-": "models_registry_job",
    "api:evaluation-set-": "models_registry_evaluationset",
    "api:set-": "models_registry_evaluationset",
    "api:benchmark-": "models_registry_benchmark",
    "api:compression-": "models_registry_compressionrun",
    "api:deployment-": "sensing_deployment",
    "api:shadow-": "sensing_shadowrun",
}


def admin_table() -> Table:
    table = dict(ADMIN_PAGES)
    for model, (view, add, change, delete) in ADMIN_MODELS.items():
        table[f"admin:{model}_changelist"] = {"GET": view}
        table[f"admin:{model}_add"] = {"GET": add, "POST": add}
        table[f"admin:{model}_change"] = {"GET": view, "POST": change}
        table[f"admin:{model}_delete"] = {"GET": delete, "POST": delete}
        table[f"admin:{model}_history"] = {"GET": view}
    return table


TABLE: Table = PAGES | API | admin_table()
