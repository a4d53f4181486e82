/* The address holds the view: centre, zoom, layers, filters, dates, language, what is chosen. Nothing in it is trusted. */
"use strict";

(function (GeoSys) {
  const SETS = { o: "outcome", s: "status", v: "severity" };
  const WORDS = { r: "rule", w: "lead", a: "area", d: "due", from: "from", to: "to" };
  const DAY = /^\d{4}-\d\d-\d\d$/;
  let defaults = "";
  let written = null;
  let reading = false;

  const shownLayers = () => (GeoSys.layers || []).filter((l) => GeoSys.map.hasLayer(l)).map((l) => l.spec.id).join(".");

  /** Return the view as the text behind the "#". */
  function write() {
    const map = GeoSys.map;
    const F = GeoSys.Findings;
    const T = GeoSys.time;
    const out = new URLSearchParams();
    const centre = map.getCenter();
    out.set("c", [centre.lng.toFixed(5), centre.lat.toFixed(5), map.getZoom()].join(","));
    if (shownLayers() !== defaults) out.set("on", shownLayers());
    for (const key of Object.keys(SETS)) if (F.filter[SETS[key]].size) out.set(key, Array.from(F.filter[SETS[key]]).join("."));
    for (const key of Object.keys(WORDS)) if (F.filter[WORDS[key]]) out.set(key, F.filter[WORDS[key]]);
    if (T.open) out.set("m", T.drawn().join("."));
    if (GeoSys.language) out.set("lang", "en");
    const item = GeoSys.card.items[GeoSys.card.at];
    if (item && !item.layer) out.set("sel", F.get(item.finding, "finding_id"));
    else if (item) out.set("sel", item.layer.spec.id + "/" + item.layer.id(item.row));
    return out.toString();
  }

  /** Put the view that the address names; what it does not name, or names wrongly, stays as the map opens. */
  function read(text) {
    const map = GeoSys.map;
    const F = GeoSys.Findings;
    const T = GeoSys.time;
    const given = new URLSearchParams(text);
    GeoSys.language = given.get("lang") === "en" ? 1 : 0;
    const on = (given.has("on") ? given.get("on") : defaults).split(".");
    for (const layer of GeoSys.layers || []) {
      if (on.includes(layer.spec.id)) map.addLayer(layer);
      else map.removeLayer(layer);
    }
    const known = { outcome: "outcomes", status: "statuses", severity: "severities" };
    for (const key of Object.keys(SETS)) {
      const words = GeoSys.data().words[known[SETS[key]]];
      F.filter[SETS[key]] = new Set((given.get(key) || "").split(".").filter((word) => Object.hasOwn(words, word)));
    }
    for (const key of Object.keys(WORDS)) F.filter[WORDS[key]] = F.allows(WORDS[key], given.get(key) || "") ? given.get(key) || "" : "";
    const days = (given.get("m") || "").split(".").map((day) => T.days.indexOf(day));
    T.open = days[0] >= 0;
    T.at = T.open ? days[0] : T.days.length - 1;
    T.other = days.length === 2 && days[1] >= 0 && T.open ? days[1] : null;
    T.day = T.now();
    F.update();
    const [lng, lat, zoom] = (given.get("c") || "").split(",").map(Number);
    if (given.has("c") && [lng, lat, zoom].every(Number.isFinite) && Math.abs(lat) <= 85 && Math.abs(lng) <= 180) {
      map.setView([lat, lng], Math.max(map.getMinZoom(), Math.min(map.getMaxZoom(), zoom)), { animate: false });
    }
    return given.get("sel") || "";
  }

  function choose(text) {
    const F = GeoSys.Findings;
    for (let row = 0; row < F.n; row++) if (F.get(row, "finding_id") === text) return GeoSys.card.open([{ finding: row }], 0);
    const layer = (GeoSys.layers || []).find((l) => text.startsWith(l.spec.id + "/"));
    const row = layer ? layer.find(text.slice(layer.spec.id.length + 1)) : -1;
    if (row >= 0) GeoSys.card.open([{ layer, row }], 0);
  }

  /** Write the view into the address, soon: moving the map asks for it many times. */
  const keep = L.Util.throttle(() => {
    if (reading) return; // half of the address is not yet followed: writing now would lose it
    const next = "#" + write();
    if (next === written) return;
    written = next;
    history.replaceState(null, "", next);
  }, 250, null);

  GeoSys.permalink = {
    isDay: (text) => DAY.test(text) && !Number.isNaN(Date.parse(text)),

    /** Open the view of the address, write it again, then follow whatever changes it. */
    start: function (render) {
      defaults = shownLayers();
      const open = () => {
        reading = true;
        const chosen = read(location.hash.slice(1));
        render();
        if (chosen) choose(chosen);
        else GeoSys.card.close();
        reading = false;
      };
      if (location.hash.length > 1) open();
      GeoSys.map.on("moveend layeradd layerremove", keep);
      GeoSys.keepView = keep;
      window.addEventListener("hashchange", () => location.hash !== written && ((written = location.hash), open()));
    },

    copy: function () {
      history.replaceState(null, "", "#" + write());
      GeoSys.copy(location.href);
    },
  };
  GeoSys.keepView = () => {};
})(window.GeoSys);
