"""The check in `.ci/styles.py` finds what is unused, undefined or outside the layers."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


def load(name: str) -> ModuleType:
    """The module, loaded from its file because it isn't in a package."""
    spec = importlib.util.spec_from_file_location(name, Path(".ci", f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


styles = load("styles")
SOURCES = ["card is-{{ clip.state }} frame-{{ ratio }}", 'style.setProperty("--drag-x", 0)']


def problems(css: str) -> list[str]:
    found: list[str] = styles.problems({"page.css": css}, SOURCES, {"failed"})
    return found


def test_used_styles_have_no_problems() -> None:
    assert (
        problems(
            """@layer reset, base, components, pages, utilities;
            /* .dead { color: var(--nothing) } */
            @layer pages {
              .card { --pad: 0.5rem; padding: var(--pad); translate: var(--drag-x); animation: fade 0.3s; }
              .card::before { content: ".dead #dead"; color: #fff; }
              .is-failed, .frame-169, .htmx-request .card { margin: 0; }
              @keyframes fade { from { opacity: 0.5; } }
              @media (max-width: 760px) { .card:has(> .is-failed) { margin: 1.5em; } }
            }
            """
        )
        == []
    )


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (".old { margin: 0; }", "page.css: the class .old is never used"),
        (".is-lost { margin: 0; }", "page.css: the class .is-lost is never used"),
        (".card { &.old { margin: 0; } }", "page.css: the class .old is never used"),
        ("#main { margin: 0; }", "page.css: #main is an id; use a class"),
        (".card { color: var(--nothing); }", "--nothing is used but never set"),
        (".card { --unused: 1px; }", "--unused is set but never used"),
        ("@keyframes still { from { opacity: 0; } }", "@keyframes still is never used"),
    ],
)
def test_unused_and_undefined_styles_are_found(rule: str, problem: str) -> None:
    assert problems("@layer pages { " + rule + " }") == [problem]


def test_rule_outside_all_layers_is_found() -> None:
    assert problems("@layer pages { .card { margin: 0; } } .card { margin: 0; }") == [
        "page.css: a rule is outside all layers"
    ]


def test_classes_are_found_in_templates_and_code(tmp_path: Path) -> None:
    template = tmp_path / "page.html"
    template.write_text('<p class="a{% if x == "y" %} b{% endif %}" id="c">d{% include "e" with style=\'f\' %}</p>')
    script = tmp_path / "page.js"
    script.write_text('go("g"); // h')
    assert styles.naming_text(template).split() == ["a", "b", '"y"', '"e"', "'f'"]
    assert styles.naming_text(script).split() == ['"g"']


def test_our_style_sheets_have_no_problems(capsys: pytest.CaptureFixture[str]) -> None:
    assert (styles.main(), capsys.readouterr().out.strip()) == (0, "")
