"""The check in `.ci/templates.py`, on a small project with one problem at a time."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
from django.template import Engine, Library

VALID_PROJECT = {
    "pyproject.toml": """
        [[tool.importlinter.contracts]]
        type = "layers"
        layers = ["create | accounting", "gallery", "site", "ledger"]
        [[tool.importlinter.contracts]]
        type = "protected"
        protected_modules = ["tchavi_studio.gallery"]
        allowed_importers = ["tchavi_studio.create"]
    """,
    "templates/404.html": "{% extends 'site/base.html' %}",
    "templates/account/login.html": "{% extends 'site/base.html' %}",
    "templates/site/base.html": "{% include '_toast.html' %}",
    "templates/_toast.html": "",
    "templates/gallery/_feed.html": "{% load clips %}{% if a %}{% include b|default:'gallery/_card.html' %}{% endif %}",
    "templates/gallery/_card.html": "",
    "templates/create/page.html": "{% load length from clips %}{% include feed with part='create/_example.html' %}",
    "templates/create/_example.html": "",
    "templates/accounting/page.html": "{% load l10n %}",
    "tchavi_studio/create/views.py": "render(request, 'create/page.html', {'feed': 'gallery/_feed.html'})",
    "tchavi_studio/accounting/views.py": "class Page: template_name = 'accounting/page.html'",
}
"""`clips` is the gallery's tag library, `composer` is Create's."""


@pytest.fixture(scope="module")
def check() -> Any:
    """The module, loaded from its file because it isn't in a package."""
    spec = importlib.util.spec_from_file_location("check_templates", Path(__file__).parents[2] / ".ci/templates.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def problems(check: Any, project: Path, **changes: str) -> list[str]:
    """The problems found in `project`, made of VALID_PROJECT with these files added or replaced."""
    for name, text in {**VALID_PROJECT, **changes}.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    clips = Library()
    clips.simple_tag(lambda: "5 s", name="length")
    clips.inclusion_tag("create/_example.html", name="example")(lambda: {"seconds": 5})
    engine = Engine()
    engine.template_libraries |= {"clips": clips, "composer": Library()}
    engine.libraries |= {
        "clips": "tchavi_studio.gallery.templatetags.clips",
        "composer": "tchavi_studio.create.templatetags.composer",
        "l10n": "django.templatetags.l10n",
    }
    engine.template_libraries["l10n"] = Library()
    return list(check.problems(project, engine))


def test_valid_project_has_no_problems(check: Any, tmp_path: Path) -> None:
    assert problems(check, tmp_path) == []


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        (
            "templates/site/base.html",
            "{% extends 'gallery/_card.html' %}{% block a %}{% include '_toast.html' %}{% endblock %}",
            "templates/site/base.html uses gallery/_card.html, and site may not use gallery.",
        ),
        (
            "templates/_toast.html",
            "{% for a in b %}{% include 'create/_example.html' %}{% endfor %}",
            "templates/_toast.html uses create/_example.html, and site may not use create.",
        ),
        (
            "templates/gallery/_card.html",
            "{% include part|default:'../create/_example.html' %}{% include './../create/_example.html' %}",
            "templates/gallery/_card.html uses create/_example.html, and gallery may not use create.",
        ),
        (
            "templates/gallery/_card.html",
            "{% include 'site/base.html' with part='create/_example.html' %}",
            "templates/gallery/_card.html uses create/_example.html, and gallery may not use create.",
        ),
        (
            "templates/accounting/page.html",
            "{% include 'create/_example.html' %}",
            "templates/accounting/page.html uses create/_example.html, and accounting may not use create.",
        ),
        (
            "templates/accounting/page.html",
            "{% include 'gallery/_card.html' %}",
            "templates/accounting/page.html uses gallery/_card.html, and accounting may not use gallery.",
        ),
        (
            "templates/gallery/_card.html",
            "{% load clips composer %}",
            "templates/gallery/_card.html loads composer, and gallery may not use create.",
        ),
        (
            "templates/404.html",
            "{% load length from clips %}",
            "templates/404.html loads clips, and site may not use gallery.",
        ),
        (
            "templates/gallery/_card.html",
            "{% load clips %}{% example %}",
            "templates/gallery/_card.html uses create/_example.html, and gallery may not use create.",
        ),
        (
            "tchavi_studio/gallery/templatetags/clips.py",
            "@register.inclusion_tag('create/_example.html')\ndef example(): ...",
            "tchavi_studio/gallery/templatetags/clips.py names create/_example.html, and gallery may not use create.",
        ),
        (
            "tchavi_studio/accounting/receipts.py",
            "render_to_string('gallery/_card.html' if short else 'accounting/page.html')",
            "tchavi_studio/accounting/receipts.py names gallery/_card.html, and accounting may not use gallery.",
        ),
        ("templates/gallery/_old.html", "", "templates/gallery/_old.html is never used."),
        (
            "templates/gallery/_loop.html",
            "{% include 'gallery/_loop.html' %}",
            "templates/gallery/_loop.html is never used.",
        ),
        ("templates/account/logn.html", "", "templates/account/logn.html is never used."),
        ("templates/shop/page.html", "", "templates/shop/page.html belongs to no app: shop is not in the layers."),
    ],
)
def test_violation_is_found(check: Any, tmp_path: Path, name: str, text: str, problem: str) -> None:
    assert problem in problems(check, tmp_path, **{name: text})


def test_templates_used_only_by_unused_ones_are_unused(check: Any, tmp_path: Path) -> None:
    old = {"templates/gallery/_old.html": "{% include 'gallery/_older.html' %}", "templates/gallery/_older.html": ""}
    assert problems(check, tmp_path, **old) == [
        "templates/gallery/_old.html is never used.",
        "templates/gallery/_older.html is never used.",
    ]
