/* Put the page together: frame, map, controls, clicks, language. The page's last script calls GeoSys.start(map). */
"use strict";

(function (GeoSys) {
  const TABS = ["findings", "layers", "rules", "notes"];
  const MARGIN = 12; // pixels around what the first view shows
  const narrow = () => window.matchMedia("(max-width: 760px)").matches;

  GeoSys.start = function (map) {
    GeoSys.map = map;
    GeoSys.byId("stage").insertBefore(map.getContainer(), GeoSys.byId("stage").firstChild);
    map.getContainer().setAttribute("data-word-label", "map");
    map.getContainer().setAttribute("role", "application");
    GeoSys.Findings.load();
    GeoSys.time.load();
    GeoSys.Findings.update();
    GeoSys.board(map, "marks").add(GeoSys.Findings);
    L.control.scale({ position: "bottomleft", imperial: false, maxWidth: 120 }).addTo(map);
    if (narrow()) openPanel(false);
    listen(map);
    GeoSys.startSearch();
    GeoSys.tools.listen(map);
    GeoSys.time.listen(map);
    render();
    GeoSys.showTab(GeoSys.data().findings.n ? "findings" : "layers");
    home();
    GeoSys.permalink.start(render);
    document.body.dataset.ready = "true";
  };

  /** Write everything that depends on the language. */
  function render() {
    const data = GeoSys.data();
    const pick = GeoSys.pick;
    GeoSys.fillWords();
    const title = pick(data.place) + " · " + pick(data.title);
    document.title = title;
    GeoSys.byId("title").textContent = pick(data.title);
    GeoSys.byId("place").textContent = pick(data.place);
    GeoSys.byId("mark").textContent = data.mark ? pick(data.mark) : "";
    GeoSys.byId("mark").hidden = !data.mark;
    GeoSys.byId("notice").textContent = pick(data.notice);
    GeoSys.byId("approval").textContent = pick(data.approval);
    GeoSys.byId("disclaimer").textContent = pick(data.disclaimer);
    for (const panel of Object.keys(GeoSys.panels)) GeoSys.panels[panel]();
    GeoSys.card.render();
    GeoSys.tools.render();
    GeoSys.time.fill();
    GeoSys.basemap.fill();
    GeoSys.map.invalidateSize({ animate: false }); // a longer title may make the head higher
  }

  function home() {
    const map = GeoSys.map;
    const bounds = L.latLngBounds(GeoSys.data().bounds);
    const size = map.getSize();
    // the frame's bounds are fitted without animation, so that the first drawing is the last one too
    if (Math.min(size.x, size.y) > 2 * MARGIN) return map.fitBounds(bounds, { animate: false, padding: [MARGIN, MARGIN] });
    // in a frame that is hidden there is nothing to fit into: wait until it is seen, unless the address says what to see
    map.setView(bounds.getCenter(), map.getMinZoom(), { animate: false });
    if (!new URLSearchParams(location.hash.slice(1)).has("c")) map.once("resize", home);
  }

  function openPanel(open) {
    GeoSys.byId("app").classList.toggle("gs-closed", !open);
    GeoSys.byId("menu").setAttribute("aria-expanded", String(open));
    GeoSys.map.invalidateSize({ animate: false });
  }

  /** On a narrow screen the panel covers the map: close it when the map is what one wants to see. */
  GeoSys.closeDrawer = function () {
    if (narrow()) openPanel(false);
  };

  GeoSys.showTab = function (tab) {
    for (const name of TABS) {
      GeoSys.byId(name).hidden = name !== tab;
      GeoSys.byId("tab-" + name).setAttribute("aria-selected", String(name === tab));
      GeoSys.byId("tab-" + name).tabIndex = name === tab ? 0 : -1;
    }
    GeoSys.byId("panel-body").scrollTop = 0;
  };

  function listen(map) {
    const on = (id, action) => GeoSys.byId(id).addEventListener("click", action);
    on("menu", () => openPanel(GeoSys.byId("app").classList.contains("gs-closed")));
    on("print", () => window.print());
    on("skip", () => map.getContainer().focus());
    on("language", () => ((GeoSys.language = 1 - GeoSys.language), render(), GeoSys.keepView()));
    on("tool-time", () => GeoSys.time.toggle(!GeoSys.time.open));
    on("tool-link", GeoSys.permalink.copy);
    on("tool-print", () => window.print());
    on("in", () => map.zoomIn(1));
    on("out", () => map.zoomOut(1));
    on("home", home);
    TABS.forEach((tab, at) => {
      on("tab-" + tab, () => GeoSys.showTab(tab));
      GeoSys.byId("tab-" + tab).addEventListener("keydown", (event) => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!by) return;
        const next = TABS[(at + by + TABS.length) % TABS.length];
        GeoSys.showTab(next);
        GeoSys.byId("tab-" + next).focus();
      });
    });
    document.addEventListener("keydown", (event) => event.key === "Escape" && !/INPUT|SELECT/.test(event.target.tagName) && escape());
    map.on("click", (event) => {
      if (GeoSys.tools.isBusy()) return GeoSys.tools.click(event.latlng);
      const items = itemsAt(event.latlng);
      if (items.length) GeoSys.card.open(items, 0);
      else GeoSys.card.close();
      GeoSys.closeDrawer();
    });
    map.on("zoomend", () => GeoSys.panels.layers()); // its hints depend on the zoom
    map.on("mousemove", (event) => hover(event));
    map.on("mouseout", () => (GeoSys.byId("tip").hidden = true));
    GeoSys.paper.listen(map);
    map.getContainer().addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || GeoSys.tools.isBusy() || event.target !== map.getContainer()) return;
      const items = itemsAt(map.getCenter());
      if (items.length) GeoSys.toCard(() => GeoSys.card.open(items, 0));
    });
    GeoSys.byId("card").addEventListener("click", (event) => event.detail === 0 && afterKey());
    const widen = () => GeoSys.byId("stage").style.setProperty("--wide", map.getSize().x + "px");
    map.on("resize", widen);
    widen();
  }

  let origin = null; // where the keyboard was before it went into the card

  /** Do what opens the card and take the keyboard along, so that nobody has to tab there through the whole list. */
  GeoSys.toCard = function (action) {
    const from = document.activeElement;
    action();
    if (GeoSys.byId("card").hidden) return;
    origin = from;
    GeoSys.byId("card").querySelector(".gs-card-body").focus();
  };

  /** Keep the keyboard's place after a key has used a button of the card: those buttons are made anew, or go with the card. */
  function afterKey() {
    if (GeoSys.byId("card").hidden) goBack();
    else if (!GeoSys.byId("card").contains(document.activeElement)) GeoSys.byId("card").querySelector(".gs-card-body").focus();
  }

  function goBack() {
    const there = origin && origin !== document.body && origin.isConnected && origin.getClientRects().length;
    (there ? origin : GeoSys.map.getContainer()).focus();
    origin = null;
  }

  function escape() {
    if (GeoSys.tools.isBusy()) return GeoSys.tools.end();
    const inside = GeoSys.byId("card").contains(document.activeElement);
    GeoSys.card.close();
    if (inside) goBack();
  }

  /** Return what lies under a position on the day that is shown there. */
  function itemsAt(position) {
    const day = GeoSys.time.dayAt(GeoSys.map.latLngToContainerPoint(position).x);
    return GeoSys.time.asOf(day, () => itemsUnder(position));
  }

  /** Return what lies under a position: findings first, then the rows of the layers from the top down. */
  function itemsUnder(position) {
    const map = GeoSys.map;
    const zoom = map.getZoom();
    const at = L.CRS.EPSG3857.latLngToPoint(position, 0);
    const pixel = 1 / Math.pow(2, zoom);
    const reach = pixel * (GeoSys.Findings.radius(zoom) + (L.Browser.mobile ? 10 : 4));
    const items = GeoSys.Findings.rowsAt(at.x, at.y, reach).map((row) => ({ finding: row }));
    for (const layer of (GeoSys.layers || []).slice().reverse()) {
      if (!map.hasLayer(layer)) continue;
      for (const row of layer.rowsAt(at.x, at.y, zoom, pixel)) items.push({ layer, row });
    }
    return items;
  }

  let waiting = null;
  /** Name what is under the pointer, at most once a frame. */
  function hover(event) {
    const lines = GeoSys.positionLines([event.latlng.lng, event.latlng.lat]);
    const where = GeoSys.clear(GeoSys.byId("where"));
    for (const [word, text] of lines) where.appendChild(GeoSys.make("span", { class: "gs-where-" + word, text }));
    if (waiting) {
      waiting = event;
      return;
    }
    waiting = event;
    L.Util.requestAnimFrame(() => {
      const { latlng, containerPoint } = waiting;
      waiting = null;
      const item = itemsAt(latlng)[0];
      const tip = GeoSys.byId("tip");
      GeoSys.map.getContainer().style.cursor = GeoSys.tools.isBusy() ? "crosshair" : item ? "pointer" : "";
      tip.hidden = !item || narrow() || GeoSys.tools.isBusy();
      if (tip.hidden) return;
      const name = item.layer ? item.layer.title() + GeoSys.colon() + item.layer.name(item.row) : GeoSys.Findings.name(item.finding);
      tip.textContent = GeoSys.brief(name, 48);
      tip.style.left = Math.min(containerPoint.x + 14, GeoSys.map.getSize().x - tip.offsetWidth - 4) + "px";
      tip.style.top = Math.max(4, containerPoint.y - 30) + "px";
    });
  }
})(window.GeoSys);
