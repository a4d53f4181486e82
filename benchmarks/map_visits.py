"""Open a page of `maps.py` in Chromium and measure how long it takes to draw: first, after pans and after zooms."""

# ruff: noqa: PLC0415  the browser's driver may be missing
from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

WINDOW = {"width": 1366, "height": 768}
LONGEST_MS = 180_000
QUIET = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]
SOFTWARE = {
    True: [*QUIET, "--disable-gpu"],
    False: [*QUIET, "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"],
}  # fmt: skip
# Two frames after the page says that it is ready, what it ordered to be drawn is drawn.
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"
FILLED = """() => {
  const canvas = GeoSys.map.getPane("layers").querySelector("canvas");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let filled = 0;
  for (let i = 3; i < data.length; i += 4) if (data[i] > 50) filled++;
  return filled / (data.length / 4);
}"""
# From the zoom that shows all to the one above the finest tiles and back; at each, pans by a part of the window.
MOVES = """async () => {
  const map = GeoTiles.map, told = { pan: [], zoom: [], empty: 0 };
  const { clientWidth: width, clientHeight: height } = map.getContainer();
  const home = map.getCenter(), first = Math.ceil(map.getZoom());
  const idle = async (kind, move) => {
    const began = performance.now();
    await new Promise(done => { map.once("idle", done); move(); });
    told[kind].push([(performance.now() - began) / 1000, map.getZoom()]);
    const { x, y } = map.project(map.getCenter());
    const found = map.queryRenderedFeatures([[x - 5, y - 5], [x + 5, y + 5]]);
    if (!found.some(feature => typeof feature.properties.c === "number")) told.empty++; // c: its class, or it has no colour
  };
  const levels = [];
  for (let zoom = first; zoom <= 15; zoom++) levels.push(zoom);
  for (const zoom of [...levels, ...levels.slice(0, -1).reverse()]) {
    await idle("zoom", () => map.jumpTo({ center: home, zoom }));
    const part = [0.2, 0.3][zoom - first] || 0.6; // so that the middle stays over parcels
    for (const [x, y] of [[part, 0], [0, part], [-2 * part, 0], [0, -2 * part]]) {
      await idle("pan", () => map.panBy([x * width, y * height], { animate: false }));
    }
  }
  return told;
}"""


def visit(browser: str, page: Path, *, is_canvas: bool) -> dict:
    """Return seconds of the first draw, and for tiles of pans and zooms; `not drawn` when something was not right."""
    from playwright.sync_api import Error, sync_playwright

    trouble: list[str] = []
    with sync_playwright() as play:
        try:
            opened = play.chromium.launch(executable_path=browser, args=SOFTWARE[is_canvas])
            told = look(opened, page, trouble, is_canvas=is_canvas)
            opened.close()
        except Error as error:  # it does not start, is out of time or out of memory
            told = {"not drawn": str(error).splitlines()[0]}
    return told | ({"not drawn": "; ".join(trouble)} if trouble else {})


def look(opened, page: Path, trouble: list[str], *, is_canvas: bool) -> dict:
    """Open the page in a window without network, beside it save a picture of what is seen first, and measure."""
    window = opened.new_context(viewport=WINDOW, offline=True).new_page()
    window.set_default_timeout(LONGEST_MS)
    window.on("console", lambda message: trouble.append(message.text))
    window.on("pageerror", lambda error: trouble.append(str(error)))
    window.on("request", lambda request: None if is_own(request.url, page) else trouble.append(request.url[:80]))
    window.goto(page.as_uri())
    window.wait_for_selector("body[data-ready=true]")
    ready_ms = window.evaluate(DRAWN)
    window.screenshot(path=page.with_suffix(".png"))
    return of_canvas(window, ready_ms) if is_canvas else of_tiles(window)


def is_own(url: str, page: Path) -> bool:
    """Say whether a request is for the page itself or for what it made in memory."""
    return url == page.as_uri() or url.startswith("blob:")


def of_canvas(window, ready_ms: float) -> dict:
    """Tell the first draw; a window less than a tenth filled has not drawn its parcels."""
    filled = window.evaluate(FILLED)
    told = {"first_draw_s": round(ready_ms / 1000, 2), "filled": round(filled, 2)}
    return told if filled > 0.1 else told | {"not drawn": f"{filled:.0%} of the window is filled"}


def of_tiles(window) -> dict:
    """Tell the first draw, pans and zooms; each must have a parcel of some class in the middle."""
    told = {"first_draw_s": round(window.evaluate("Number(document.body.dataset.firstDraw)") / 1000, 2)}
    moved = window.evaluate(MOVES)
    for kind in ("pan", "zoom"):
        worst, at = max(moved[kind])
        told |= {f"{kind}s": len(moved[kind]), f"{kind}_worst_s": round(worst, 2), f"{kind}_worst_at": f"zoom {at:.0f}"}
        told[f"{kind}_median_s"] = round(statistics.median(seconds for seconds, _ in moved[kind]), 2)
    return told | ({"not drawn": f"{moved['empty']} views without a parcel of some class"} if moved["empty"] else {})
