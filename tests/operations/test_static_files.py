"""JavaScript modules can import one another under hashed names."""

import re
import shutil
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage

from tchavi_studio.operations.static_files import HashedStaticFilesStorage

IMPORT = re.compile(r'^(?:import|export|\}) .*?"(.+)";$', re.MULTILINE)


def test_imports_get_hashed_names(tmp_path: Path) -> None:
    [source] = settings.STATICFILES_DIRS
    shutil.copytree(source / "js", tmp_path / "js")
    names = [path.relative_to(source).as_posix() for path in sorted((source / "js/composer").glob("*.js"))]
    storage = HashedStaticFilesStorage(location=tmp_path)
    list(storage.post_process({name: (FileSystemStorage(location=source), name) for name in names}))
    imported = {}
    for name in names:
        code = (tmp_path / storage.stored_name(name)).read_text()
        imported[name] = IMPORT.findall(code)
        assert len(imported[name]) == len(re.findall(r"^import ", code, re.MULTILINE))
        for path in imported[name]:
            assert re.fullmatch(r"\./[\w-]+\.[0-9a-f]{12}\.js", path)
            assert (tmp_path / "js/composer" / path).is_file()
    assert len(imported["js/composer/main.js"]) == 9
