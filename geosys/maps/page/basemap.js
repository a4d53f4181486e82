/* A tile service under the layers, where the plan names one. Off when the map opens: only a person switches it on. */
"use strict";

(function (GeoSys) {
  const basemap = { tiles: null, failed: false };

  basemap.isOn = () => Boolean(basemap.tiles && GeoSys.map.hasLayer(basemap.tiles));

  /** Return how much of a layer's fill is drawn: over the tiles less, and of the layer that frames the map nothing. */
  basemap.veil = function (layer) {
    if (!basemap.isOn()) return 1;
    return layer.spec.id === GeoSys.data().basemap.frame ? 0 : 0.6;
  };

  function make() {
    const { url, maxZoom } = GeoSys.data().basemap;
    const tiles = L.tileLayer(url, { maxNativeZoom: maxZoom, maxZoom: GeoSys.map.getMaxZoom(), noWrap: true });
    tiles.on("tileerror", () => basemap.failed || ((basemap.failed = true), tell()));
    tiles.on("tileload", () => basemap.failed && ((basemap.failed = false), tell()));
    return tiles;
  }

  function tell() {
    const note = GeoSys.byId("basemap-note");
    if (note) note.hidden = !basemap.failed || !basemap.isOn();
  }

  basemap.toggle = function (on) {
    basemap.failed = false;
    if (on) {
      basemap.tiles = basemap.tiles || make();
      GeoSys.map.addLayer(basemap.tiles);
    } else if (basemap.tiles) {
      GeoSys.map.removeLayer(basemap.tiles);
    }
    basemap.fill();
    GeoSys.redraw();
  };

  /** Write who made the tiles into the map's corner, for screen and paper. */
  basemap.fill = function () {
    const box = GeoSys.byId("source");
    box.hidden = !basemap.isOn();
    box.textContent = box.hidden ? "" : GeoSys.pick(GeoSys.data().basemap.title) + GeoSys.colon() + GeoSys.pick(GeoSys.data().basemap.attribution);
    tell();
  };

  /** Make the switch for the list of layers, which says what switching it on does; null where there is no service. */
  basemap.entry = function () {
    const named = GeoSys.data().basemap;
    if (!named) return null;
    const input = GeoSys.make("input", { attr: { type: "checkbox", id: "gs-basemap", "aria-describedby": "gs-basemap-asks" }, on: { change: () => basemap.toggle(input.checked) } });
    input.checked = basemap.isOn();
    const failed = GeoSys.make("p", { class: "gs-late gs-indent", text: GeoSys.say("basemapFailed", { host: named.origin }), attr: { id: "gs-basemap-note", role: "status" } });
    failed.hidden = !basemap.failed || !basemap.isOn();
    return GeoSys.make("div", { class: "gs-entry" },
      GeoSys.make("h3", { text: GeoSys.say("basemap") }),
      GeoSys.make("label", { class: "gs-layer" }, input, GeoSys.make("span", { class: "gs-grow", text: GeoSys.pick(named.title) })),
      GeoSys.make("p", { class: "gs-soft gs-indent", text: GeoSys.say("basemapAsks", { host: named.origin }), attr: { id: "gs-basemap-asks" } }),
      failed);
  };

  GeoSys.basemap = basemap;
})(window.GeoSys);
