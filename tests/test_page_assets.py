"""Scripts and styles of a page: which it names, and what is served as one."""

from typing import Any

import pytest

from fixtures.probes.page_assets import assets, fits

URL = "https://app.example.com/chat/"


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<script src="/a.js"></script>', {"https://app.example.com/a.js": "script"}),
        ('<script src="a.js" async></script>', {"https://app.example.com/chat/a.js": "script"}),
        ('<LINK REL="preload stylesheet" HREF="/a.css">', {"https://app.example.com/a.css": "style"}),
        ('<link rel="modulepreload" href="/m.js">', {"https://app.example.com/m.js": "script"}),
        ('<base href="/static/"><script src="a.js"></script>', {"https://app.example.com/static/a.js": "script"}),
        ('<script src="https://cdn.example.net/x.js"></script>', {"https://cdn.example.net/x.js": "script"}),
        ('<script>let a = "b.js"</script><link rel="icon" href="/i.png"><script src="data:,1"></script>', {}),
        ("not a page", {}),
    ],
)
def test_named_assets(html: str, found: dict[str, str]) -> None:
    """Scripts and styles are found as a browser would find them; icons and inline scripts are none."""
    assert assets(html, URL) == found


@pytest.mark.parametrize(
    ("kind", "content_type", "fit"),
    [
        ("script", "text/javascript; charset=utf-8", True),
        ("script", "application/javascript", True),
        ("style", "text/css", True),
        ("script", "text/html", False),
        ("style", "text/plain", False),
        ("style", "", False),
    ],
)
def test_content_types(kind: Any, content_type: str, *, fit: bool) -> None:
    """A page served in place of a script is not a script."""
    assert fits(kind, content_type) is fit
