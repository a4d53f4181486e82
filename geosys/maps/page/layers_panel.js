/* The layer list: a switch, a swatch and a count for each layer, its classes under it; with that, the legend. */
"use strict";

(function (GeoSys) {
  GeoSys.panels = GeoSys.panels || {};
  let first = null; // which layers were on when the map opened

  GeoSys.panels.layers = function () {
    const box = GeoSys.clear(GeoSys.byId("layers"));
    const layers = GeoSys.layers || [];
    first = first || layers.map((layer) => GeoSys.map.hasLayer(layer));
    GeoSys.panels.legend();
    box.appendChild(
      GeoSys.make("div", { class: "gs-row gs-tools" },
        GeoSys.button("asDelivered", "gs-button", () => setAll((_, at) => first[at])),
        GeoSys.button("allOn", "gs-button", () => setAll(() => true)),
        GeoSys.button("allOff", "gs-button", () => setAll(() => false))),
    );
    for (const [group, title] of GeoSys.data().groups) {
      const members = layers.filter((layer) => layer.spec.group === group).reverse(); // the topmost first
      if (!members.length) continue;
      box.appendChild(GeoSys.make("h3", { text: GeoSys.pick(title) }));
      for (const layer of members) box.appendChild(entry(layer));
    }
    const tiles = GeoSys.basemap.entry();
    if (tiles) box.appendChild(tiles);
  };

  function setAll(wanted) {
    (GeoSys.layers || []).forEach((layer, at) => {
      if (wanted(layer, at)) GeoSys.map.addLayer(layer);
      else GeoSys.map.removeLayer(layer);
    });
    GeoSys.panels.layers();
  }

  function entry(layer) {
    const on = GeoSys.map.hasLayer(layer);
    const present = classCounts(layer);
    const input = GeoSys.make("input", { attr: { type: "checkbox" }, on: { change: () => toggle(layer, input.checked) } });
    input.checked = on && layer.n > 0;
    const label = GeoSys.make("label", { class: "gs-layer" }, input);
    label.dataset.layer = layer.spec.id;
    input.disabled = !layer.n;
    if (!present.length || !on) label.appendChild(GeoSys.layerSwatch(layer.spec.kind, layer.spec.style, null));
    label.appendChild(GeoSys.make("span", { class: "gs-grow", text: layer.title() }));
    label.appendChild(GeoSys.make("span", { class: "gs-count", text: layer.n ? GeoSys.count(layer.n) : GeoSys.say("absent") }));
    const box = GeoSys.make("div", { class: "gs-entry" }, label);
    if (on && !layer.isDrawnAt(GeoSys.map.getZoom())) box.appendChild(zoomHint(layer));
    const bare = withoutPlace(layer);
    if (on && bare) box.appendChild(GeoSys.make("p", { class: "gs-soft gs-indent", text: GeoSys.say("withoutPlace", { n: GeoSys.count(bare) }) }));
    if (on && present.length) box.appendChild(classList(layer, present));
    return box;
  }

  function toggle(layer, on) {
    if (on) GeoSys.map.addLayer(layer);
    else GeoSys.map.removeLayer(layer);
    GeoSys.panels.layers();
    const again = GeoSys.byId("layers").querySelector('[data-layer="' + layer.spec.id + '"] input');
    if (again) again.focus();
  }

  function zoomHint(layer) {
    const go = () => GeoSys.map.setZoom(layer.spec.minZoom);
    const hint = GeoSys.button("zoomIn", "gs-link gs-indent", go);
    return hint;
  }

  function withoutPlace(layer) {
    if (layer._bare === undefined) layer._bare = layer.shapes().kinds.reduce((sum, kind) => sum + (kind ? 0 : 1), 0);
    return layer._bare;
  }

  /** Return [class number, count] of the classes a layer really has, among its wanted rows, in the palette's order, others last. */
  function classCounts(layer, wanted) {
    if (!layer.spec.classes.length) return [];
    const counts = new Map();
    layer.classes().forEach((number, row) => layer.exists(row) && (!wanted || wanted(row)) && counts.set(number, (counts.get(number) || 0) + 1));
    const last = layer.spec.classes.length;
    return Array.from(counts).sort((a, b) => (a[0] < 0 ? last : a[0]) - (b[0] < 0 ? last : b[0]));
  }
  GeoSys.classCounts = classCounts;

  function classList(layer, present) {
    const list = GeoSys.make("ul", { class: "gs-classes" });
    for (const [number, count] of present) {
      const swatch = layer.spec.classes[number];
      list.appendChild(
        GeoSys.make("li", {},
          GeoSys.layerSwatch(layer.spec.kind, layer.spec.style, swatch),
          GeoSys.make("span", { class: "gs-grow", text: swatch ? GeoSys.pick(swatch.title) : GeoSys.say("otherClass") }),
          GeoSys.make("span", { class: "gs-count", text: GeoSys.count(count) })),
      );
    }
    return list;
  }
})(window.GeoSys);
