/* Open the map, and let clicks and keys work. */
"use strict";

(function (GeoTiles) {
  const NEAR = 4; // a click takes what lies within so many pixels

  function choose(map, { x, y }) {
    const layerOf = new Map(GeoTiles.data.layers.flatMap((layer) => layer.drawn.map((id) => [id, layer])));
    const layers = [...layerOf.keys()];
    const near = map.queryRenderedFeatures([[x - NEAR, y - NEAR], [x + NEAR, y + NEAR]], { layers });
    const found = near.find((f) => layerOf.get(f.layer.id).kind !== "polygon") || map.queryRenderedFeatures([x, y], { layers })[0];
    if (!found) return GeoTiles.closeCard();
    return GeoTiles.openCard(layerOf.get(found.layer.id), found.properties);
  }

  function open(data) {
    const [west, south, east, north] = data.bounds || [73, 18, 135, 54];
    const map = new maplibregl.Map({
      container: "map", bounds: [[west, south], [east, north]], fitBoundsOptions: { padding: 24 }, maxZoom: 20,
      style: { version: 8, sources: {}, layers: [{ id: "paper", type: "background", paint: { "background-color": "#f4f6f8" } }] },
      attributionControl: false, dragRotate: false, pitchWithRotate: false, touchPitch: false, maxPitch: 0, renderWorldCopies: false, hash: true,
      localIdeographFontFamily: '"Noto Sans SC","Source Han Sans SC","Microsoft YaHei","PingFang SC",sans-serif',
    });
    GeoTiles.map = map;
    map.touchZoomRotate.disableRotation();
    map.keyboard.disableRotation();
    map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-left");
    map.addControl(new maplibregl.ScaleControl({ unit: "metric", maxWidth: 120 }), "bottom-left");
    map.on("load", () => {
      GeoTiles.addLayers(map);
      GeoTiles.listLayers(map);
      map.once("idle", () => { document.body.dataset.ready = "true"; });
    });
    map.on("click", (event) => choose(map, event.point));
    map.on("error", (event) => trouble((event.error && event.error.message) || "?"));
    document.getElementById("close").addEventListener("click", GeoTiles.closeCard);
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") GeoTiles.closeCard(); });
  }

  function trouble(text) {
    const told = document.getElementById("notice");
    told.textContent = (GeoTiles.language ? "The map could not be drawn completely: " : "地图未能完整显示：") + text;
    told.className = "wrong";
  }

  fetch(GeoTiles.base + "/tiles", { headers: { accept: "application/json" } })
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
    .then((data) => { GeoTiles.data = data; open(data); })
    .catch((error) => trouble(error.message));
})(window.GeoTiles);
