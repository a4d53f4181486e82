/* Open the map, and let click, keys and buttons work. */
"use strict";

(function (GeoTiles) {
  const CHOSEN = "chosen";
  const NEAR = 4; // a click takes what lies within so many pixels

  function open(data) {
    const protocol = new pmtiles.Protocol();
    data.archives.forEach((_, number) => protocol.add(new pmtiles.PMTiles(GeoTiles.source(number))));
    maplibregl.addProtocol("pmtiles", protocol.tile);
    const [west, south, east, north] = data.bounds;
    const wide = window.innerWidth > 900; // there the legend stands open beside what is fitted
    const home = { bounds: [[west, south], [east, north]], padding: { top: 64, right: wide ? 296 : 24, bottom: 64, left: 24 } };
    const map = new maplibregl.Map({
      container: "gt-map", bounds: home.bounds, fitBoundsOptions: { padding: home.padding }, minZoom: data.lowest, maxZoom: data.maxZoom - 1,
      style: { version: 8, sources: {}, layers: [{ id: "paper", type: "background", paint: { "background-color": "#f4f6f8" } }] },
      attributionControl: false, dragRotate: false, pitchWithRotate: false, touchPitch: false, maxPitch: 0, renderWorldCopies: false, hash: true,
      fadeDuration: 0, localIdeographFontFamily: '"Microsoft YaHei","PingFang SC","Noto Sans CJK SC","Noto Sans SC","Source Han Sans SC",sans-serif',
      canvasContextAttributes: { preserveDrawingBuffer: true }, // or paper would get an empty map
    });
    map.touchZoomRotate.disableRotation();
    map.keyboard.disableRotation();
    map.addControl(new maplibregl.ScaleControl({ unit: "metric", maxWidth: 120 }), "bottom-left");
    GeoTiles.map = map;
    map.on("load", () => {
      GeoTiles.addLayers(map);
      for (const layer of data.layers) GeoTiles.show(map, layer, layer.isOn);
      map.addSource(CHOSEN, { type: "geojson", data: { type: "FeatureCollection", features: [] } });
      map.addLayer({ id: CHOSEN, source: CHOSEN, type: "line", paint: { "line-color": "#d1005d", "line-width": 3 } });
      map.addLayer({ id: CHOSEN + "-point", source: CHOSEN, type: "circle", filter: ["==", ["geometry-type"], "Point"],
        paint: { "circle-radius": 10, "circle-opacity": 0, "circle-stroke-color": "#d1005d", "circle-stroke-width": 3 } });
      map.once("idle", () => {
        document.body.dataset.firstDraw = Math.round(performance.now());
        document.body.dataset.ready = "true";
      });
    });
    map.on("click", (event) => choose(map, event.point));
    GeoTiles.byId("in").addEventListener("click", () => map.zoomIn());
    GeoTiles.byId("out").addEventListener("click", () => map.zoomOut());
    GeoTiles.byId("home").addEventListener("click", () => map.fitBounds(home.bounds, { padding: home.padding }));
  }

  /** Outline the pieces of a feature that are loaded. */
  GeoTiles.mark = (features) => GeoTiles.map.getSource(CHOSEN).setData({ type: "FeatureCollection", features });

  /** Show the card of the uppermost feature at a point of the window. */
  async function choose(map, { x, y }) {
    const layerOf = new Map(GeoTiles.data.layers.flatMap((layer) => layer.drawn.map((id) => [id, layer])));
    const drawn = [...layerOf.keys()];
    const box = [[x - NEAR, y - NEAR], [x + NEAR, y + NEAR]];
    const slim = map.queryRenderedFeatures(box, { layers: drawn }).filter((f) => layerOf.get(f.layer.id).kind !== "polygon");
    const found = slim[0] || map.queryRenderedFeatures([x, y], { layers: drawn })[0];
    if (!found) return GeoTiles.closeCard();
    const layer = layerOf.get(found.layer.id);
    const row = found.properties.n;
    const pieces = found.sourceLayer ? map.querySourceFeatures(found.source, { sourceLayer: found.sourceLayer, filter: ["==", ["get", "n"], row] }) : [];
    GeoTiles.mark(pieces.map((piece) => ({ type: "Feature", properties: {}, geometry: piece.geometry })));
    return GeoTiles.openCard(layer, await GeoTiles.card(layer, row));
  }

  GeoTiles.start = function () {
    const data = (GeoTiles.data = JSON.parse(GeoTiles.byId("data").textContent));
    GeoTiles.byId("language").addEventListener("click", () => { GeoTiles.language = 1 - GeoTiles.language; GeoTiles.fill(); });
    GeoTiles.byId("print").addEventListener("click", () => window.print());
    const fold = (isOpen) => { GeoTiles.byId("legend").hidden = !isOpen; GeoTiles.byId("menu").setAttribute("aria-expanded", String(isOpen)); };
    GeoTiles.byId("menu").addEventListener("click", () => fold(GeoTiles.byId("legend").hidden));
    document.addEventListener("keydown", (event) => { if (event.key === "Escape" && GeoTiles.chosen) GeoTiles.closeCard(); });
    fold(window.innerWidth > 700);
    GeoTiles.fill();
    try {
      open(data);
    } catch (error) {
      GeoTiles.trouble(GeoTiles.say("noDrawing"));
    }
  };
})(window.GeoTiles);
