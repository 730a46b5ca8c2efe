"""report.html looked at in a real browser: at a phone's and a laptop's size, dark, printed, and without scripts."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from plugins.reporting import html
from plugins.verdict import Verdict
from tests.browsing import CROWDED, FAINT, LAPTOP, PHONE, PROGRAM, TOO_WIDE, chromium, opened
from tests.hostile_run import EVIL, hostile

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None or find_spec("playwright") is None, reason="no Chromium or no Playwright"),
]

ROOT = Path(__file__).parent.parent
NAMES = ("real", "hostile")


def whole(shown: Verdict) -> str:
    """Return the page as pytest-html puts it together, without its own table."""
    style = "".join((html.TEMPLATES / name).read_text(encoding="utf-8") for name in html.STYLES)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head><body>'
        f'<h1>{html.escape(html.title(shown))}</h1><div class="summary">{html.render(shown)}</div></body></html>'
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of a real run with the connector down, and one of hostile words."""
    directory = tmp_path_factory.mktemp("pages")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--reports={directory}", "-m"]
    command += ["phase1 or phase3", "--target", "replica", "--fault", "connector-in-error"]
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "GOOGLE_"))}
    done = subprocess.run(command, cwd=ROOT, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    (directory / "hostile.html").write_text(whole(hostile()), encoding="utf-8")
    return {"real": directory / "latest" / "report.html", "hostile": directory / "hostile.html"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for all of these."""
    with chromium() as started:
        yield started


@pytest.mark.parametrize("size", [PHONE, LAPTOP], ids=["phone", "laptop"])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_breaks_and_nothing_overflows(browser: Any, pages: dict[str, Path], name: str, size: Any) -> None:
    """No error in the console, nothing fetched, no bar to scroll the page aside, nothing beyond its edge."""
    with opened(browser, pages[name], size) as page:
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.errors == []
        assert page.requests == [pages[name].as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert page.evaluate(TOO_WIDE) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_words_of_a_picture_can_be_read(browser: Any, pages: dict[str, Path], name: str) -> None:
    """No two words of a picture lie over each other, and none beyond its edge."""
    with opened(browser, pages[name]) as page:
        assert page.locator(".chart").count() >= 5
        assert page.evaluate(CROWDED) == []


def test_what_services_say_is_shown_as_text(browser: Any, pages: dict[str, Path]) -> None:
    """Markup in what was observed makes no element, runs nothing, and can be read."""
    with opened(browser, pages["hostile"]) as page:
        assert page.evaluate("window.harmed === undefined")
        assert page.locator("body script, body img, [onclick], [onerror]").count() == 0
        assert EVIL.split("</title>")[0] in page.locator(".verdict").inner_text()
        assert page.locator(".chart", has_text="<script>").count() >= 2


@pytest.mark.parametrize("name", NAMES)
def test_it_is_of_use_without_scripts(browser: Any, pages: dict[str, Path], name: str) -> None:
    """With scripts off, verdict, cause, plan, pictures and every criterion are there, and folds open."""
    with opened(browser, pages[name], scripts=False) as page:
        seen = page.locator("body").inner_text()
        for said in ("NOT CLEAR", "Root cause", "Plan of action", "Coverage", "What was seen", "Every criterion"):
            assert said in seen
        assert page.locator("table.criteria tbody tr").count() > 5
        assert not page.locator("#results-table").is_visible()
        folded = page.locator("details").first
        folded.locator("summary").click()
        assert folded.locator("pre").first.is_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_every_text_stands_out(browser: Any, pages: dict[str, Path], name: str, dark: bool) -> None:
    """In light and in dark, each text differs from its ground by 4.5 to 1 at least."""
    with opened(browser, pages[name], dark=dark) as page:
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") is not dark
        assert page.evaluate(FAINT, 4.5) == {}


def test_it_can_be_used_without_a_mouse(browser: Any, pages: dict[str, Path]) -> None:
    """The tabulator reaches links, pictures that scroll, and what is folded, shows where it is, and Enter unfolds."""
    with opened(browser, pages["real"], PHONE) as page:
        reached = set()
        for _ in range(400):
            page.keyboard.press("Tab")
            now = page.evaluate("""() => { const one = document.activeElement, style = getComputedStyle(one);
                return [one.tagName + '.' + one.className, style.outlineStyle]; }""")
            if now[0].startswith(("A.", "SUMMARY.", "DIV.scroller")):
                assert now[1] == "solid", now
            reached.add(now[0])
            if now[0] == "SUMMARY.":
                page.keyboard.press("Enter")
                assert page.evaluate("document.activeElement.parentElement.open")
            if {"A.", "SUMMARY.", "DIV.scroller"} <= reached:
                return
        raise AssertionError(f"reached only {reached}")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_on_paper_all_is_unfolded_on_white(
    browser: Any, pages: dict[str, Path], name: str, dark: bool, tmp_path: Path
) -> None:
    """Printed, what is folded is shown, the ground is white whatever the screen, and pictures fit the sheet."""
    with opened(browser, pages[name], (720, 1000), dark=dark) as page:
        page.emulate_media(media="print", color_scheme="dark" if dark else "light")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        folded = """() => [...document.querySelectorAll('.allclear details')].filter(one =>
            ![...one.children].slice(1).every(child => child.getBoundingClientRect().height > 0)).length"""
        assert page.evaluate("document.querySelectorAll('.allclear details').length") > 0
        assert page.evaluate(folded) == 0
        assert page.evaluate(TOO_WIDE) == []
        assert page.evaluate(FAINT, 4.5) == {}
        assert page.pdf(path=tmp_path / "report.pdf", format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_below_a_megabyte(pages: dict[str, Path], name: str) -> None:
    """The file can be attached to any ticket."""
    assert pages[name].stat().st_size < 1_000_000
