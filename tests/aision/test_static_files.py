from __future__ import annotations

import json
from pathlib import Path

from django.conf import settings
from django.test import override_settings

from aision import static_files

STORAGES = {
    **settings.STORAGES,
    "staticfiles": {"BACKEND": "aision.static_storage.StaticStorage"},
}


def test_files_are_collected_once_and_again_when_one_changes(
    tmp_path: Path,
) -> None:
    source, root = tmp_path / "source", tmp_path / "root"
    source.mkdir()
    (source / "page.js").write_text("export const answer = 41;")
    storages = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "aision.static_storage.StaticStorage"},
    }
    with override_settings(STATICFILES_DIRS=[source], STATIC_ROOT=root, STORAGES=storages):
        assert static_files.collect()
        assert not static_files.collect()
        (source / "page.js").write_text("export const answer = 42; // changed")
        assert static_files.collect()
    assert "42" in (root / "page.js").read_text()


def test_modules_import_each_other_by_content(tmp_path: Path) -> None:
    source, root = tmp_path / "source", tmp_path / "root"
    (source / "js").mkdir(parents=True)
    (source / "js" / "number.js").write_text("export const number = 1;")
    (source / "js" / "page.js").write_text('import { number } from "./number.js";\nnumber;')
    storages = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "aision.static_storage.StaticStorage"},
    }
    with override_settings(STATICFILES_DIRS=[source], STATIC_ROOT=root, STORAGES=storages):
        static_files.collect()
    names = json.loads((root / "staticfiles.json").read_text())["paths"]
    assert (
        f'from "./{Path(names["js/number.js"]).name}"' in (root / names["js/page.js"]).read_text()
    )
