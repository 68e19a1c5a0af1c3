"""docs/configuration.md lists exactly the variables that the settings read."""

import re
from pathlib import Path

from tchavi_studio import settings


def test_documented_variables_are_those_read() -> None:
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', Path(settings.__file__).read_text()))
    page = (Path(settings.BASE_DIR) / "docs" / "configuration.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z_]+)`", page, flags=re.MULTILINE))
    assert documented == read
