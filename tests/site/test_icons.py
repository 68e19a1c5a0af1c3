"""Icons as inline SVG."""

import pytest
from django.template import Context, Template

from tchavi_studio.site.templatetags.icons import lucide


def test_an_icon_in_a_template() -> None:
    template = Template('{% lucide "x" size=13 stroke_width=3 aria_hidden="true" %}')
    assert template.render(Context()) == (
        '<svg width="13" height="13" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="3"'
        ' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">\n'
        '  <path d="M18 6 6 18" />\n  <path d="m6 6 12 12" />\n</svg>'
    )


def test_labels_are_escaped() -> None:
    assert 'aria-label="&quot;&gt;&lt;script&gt;"' in lucide("x", size=13, aria_label='"><script>')


def test_there_is_no_such_icon() -> None:
    with pytest.raises(KeyError, match=r"no-such-icon\.svg"):
        lucide("no-such-icon", size=16)
