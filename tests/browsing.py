"""The report as a reader meets it: a page in the system's own headless Chromium, and what is asked of it there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fixtures.probes.browser import PROGRAMS

PROGRAM = next((path for name in PROGRAMS if (path := shutil.which(name)) is not None), None)
PHONE, LAPTOP = (390, 844), (1366, 768)

TOO_WIDE = """() => [...document.body.querySelectorAll('*')].filter(one => {
  const box = one.getBoundingClientRect();
  if (box.width === 0 || (box.right <= innerWidth + 1 && box.left >= -1)) return false;
  for (let up = one.parentElement; up; up = up.parentElement)
    if (['auto', 'scroll'].includes(getComputedStyle(up).overflowX) && up !== document.body) return false;
  return true;
}).map(one => `${one.tagName}.${one.getAttribute('class') || ''}: ${one.textContent.slice(0, 60)}`)"""
"""Elements beyond the page's edge that do not lie in a scroller of their own."""

FAINT = """least => {
  const paint = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = colour => {
    paint.clearRect(0, 0, 1, 1); paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  };
  const light = rgb => {
    const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const under = one => {
    for (let up = one; up; up = up.parentElement) {
      const colour = rgba(getComputedStyle(up).backgroundColor);
      if (colour[3] > 0) return colour.slice(0, 3);
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
  };
  const found = {};
  for (const one of document.querySelectorAll('body *')) {
    const said = [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!said || !one.checkVisibility() || one.closest('script, style, .chart')) continue;
    const seen = ratio(rgba(getComputedStyle(one).color).slice(0, 3), under(one));
    if (seen < least) found[`${one.tagName}.${one.getAttribute('class') || ''}`] = seen;
  }
  for (const one of document.querySelectorAll('.chart text:not([class*=on-])')) {
    const seen = ratio(rgba(getComputedStyle(one).fill).slice(0, 3), under(one.closest('.chart')));
    if (seen < least) found[`text.${one.getAttribute('class')}`] = seen;
  }
  return found;
}"""
"""Texts whose colour stands out from what is under it by less than a ratio (WCAG's)."""

CROWDED = """() => [...document.querySelectorAll('.chart')].flatMap(chart => {
  const [, , across, down] = chart.getAttribute('viewBox').split(' ').map(Number);
  const texts = [...chart.querySelectorAll('text')].map(one => {
    const box = one.getBBox();
    return {said: one.textContent, l: box.x, t: box.y + 2, r: box.x + box.width, b: box.y + box.height - 2};
  });
  const outside = texts.filter(one => one.l < -1 || one.t < -1 || one.r > across + 1 || one.b > down + 1);
  const over = texts.flatMap((one, n) => texts.slice(n + 1)
    .filter(other => one.l < other.r && other.l < one.r && one.t < other.b && other.t < one.b)
    .map(other => `${one.said} | ${other.said}`));
  return [...outside.map(one => one.said), ...over];
})"""
"""Words of a picture that lie over each other, or beyond its edge."""


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a browser for as long as the context lasts."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser: Any, path: Path, size: tuple[int, int] = LAPTOP, *, dark: bool = False, scripts: bool = True
) -> Iterator[Any]:
    """Open a page, and hold its errors and requests in `page.errors` and `page.requests`."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
    )
    page = context.new_page()
    page.errors, page.requests = [], []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda said: page.errors.append(said.text) if said.type in ("error", "warning") else None)
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto(path.as_uri(), wait_until="load")
    try:
        yield page
    finally:
        context.close()
