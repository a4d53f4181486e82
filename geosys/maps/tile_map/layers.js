/* What maplibre draws of each layer: fills, hatches, lines, points by class, and labels without a glyph server. */
"use strict";

(function (GeoTiles) {
  const HATCH_FROM = 12; // below, the pieces of a large layer are smaller than a hatch

  /** Return an expression: the value of each class, and of what has none. */
  function byClass(layer, valueOf) {
    if (!layer.classes.length) return valueOf(-1);
    const cases = layer.classes.flatMap((_, number) => [number, valueOf(number)]);
    return ["match", ["get", "c"], ...cases, valueOf(-1)];
  }

  /** Add a picture once and return its name. */
  function pictured(map, name, make) {
    if (!map.hasImage(name)) map.addImage(name, make(), { pixelRatio: GeoTiles.pictureRatio });
    return name;
  }

  const dashes = (style) => (style.dash.length ? { "line-dasharray": style.dash.map((n) => n / Math.max(style.width, 1)) } : {});

  function areal(map, layer, set, place) {
    const { style } = layer;
    const isFar = set.zooms[1] < GeoTiles.data.topZoom;
    const made = [];
    if (style.opacity > 0) {
      made.push({ ...place, id: place.id + "-fill", type: "fill", paint: {
        "fill-color": byClass(layer, (n) => GeoTiles.look(layer, n).colour), "fill-opacity": style.opacity, "fill-antialias": !layer.isLarge,
      } });
      const hatched = [-1, ...layer.classes.keys()].filter((n) => GeoTiles.look(layer, n).hatch !== "none");
      if (hatched.length && (!layer.isLarge || set.zooms[1] >= HATCH_FROM)) {
        made.push({ ...place, id: place.id + "-hatch", type: "fill", filter: ["in", ["get", "c"], ["literal", hatched]],
          minzoom: Math.max(place.minzoom, layer.isLarge ? HATCH_FROM : 0),
          paint: { "fill-pattern": byClass(layer, (n) => hatchName(map, layer, n)) } });
      }
    }
    if (!isFar) made.push({ ...place, id: place.id + "-edge", type: "line", paint: { "line-color": style.colour, "line-width": style.width, ...dashes(style) } });
    return made;
  }

  function hatchName(map, layer, number) {
    const { hatch } = GeoTiles.look(layer, number);
    return pictured(map, hatch + layer.style.colour, () => GeoTiles.hatchPicture(hatch, layer.style.colour));
  }

  function lineal(layer, place) {
    const colour = byClass(layer, (n) => GeoTiles.look(layer, n).colour);
    return [{ ...place, id: place.id + "-line", type: "line", layout: { "line-cap": layer.style.dash.length ? "butt" : "round", "line-join": "round" },
      paint: { "line-color": colour, "line-width": layer.style.width, ...dashes(layer.style) } }];
  }

  function pointed(map, layer, place) {
    const { style } = layer;
    const icon = byClass(layer, (n) => {
      const { colour, shape } = GeoTiles.look(layer, n);
      return pictured(map, [shape, colour, style.colour, style.size].join(), () => GeoTiles.symbolPicture(shape, colour, style.colour, style.size));
    });
    return [{ ...place, id: place.id + "-point", type: "symbol", layout: { "icon-image": icon, "icon-allow-overlap": true, "icon-ignore-placement": true } }];
  }

  /** Add the sources and drawings of all layers; each layer learns the ids of its own. */
  GeoTiles.addLayers = function (map) {
    const { data } = GeoTiles;
    for (const layer of data.layers) {
      layer.drawn = [];
      for (const set of layer.sets) {
        const source = "tiles-" + set.archive;
        map.addSource(source, { type: "vector", url: "pmtiles://archive-" + set.archive });
        const isFar = set.zooms[1] < data.topZoom;
        const place = { id: source, source, "source-layer": set.name, minzoom: set.zooms[0] === data.lowest ? 0 : set.zooms[0], maxzoom: isFar ? set.zooms[1] + 1 : 24 };
        const drawings = layer.kind === "polygon" ? areal(map, layer, set, place) : layer.kind === "line" ? lineal(layer, place) : pointed(map, layer, place);
        for (const drawing of drawings) {
          map.addLayer(drawing);
          layer.drawn.push(drawing.id);
        }
      }
    }
    for (const layer of data.layers) addLabels(map, layer);
  };

  function addLabels(map, layer) {
    if (!layer.labels.length) return;
    const features = layer.labels.map(([x, y, text, n]) => ({ type: "Feature", properties: { text, n }, geometry: { type: "Point", coordinates: [x, y] } }));
    const id = "labels-" + layer.id;
    map.addSource(id, { type: "geojson", data: { type: "FeatureCollection", features } });
    map.addLayer({ id, source: id, type: "symbol", minzoom: Math.max(0, layer.labelZoom - 1), // that zoom counts tiles of 256 pixels
      layout: { "text-field": ["get", "text"], "text-size": layer.kind === "polygon" ? 14 : 12, "text-max-width": 10,
        "text-anchor": layer.kind === "point" ? "left" : "center", "text-offset": layer.kind === "point" ? [0.8, 0] : [0, 0] },
      paint: { "text-color": layer.kind === "line" ? "#0b4f8a" : "#1d2733", "text-halo-color": "#ffffff", "text-halo-width": 1.6 } });
    layer.drawn.push(id);
  }

  GeoTiles.show = function (map, layer, isOn) {
    layer.isOn = isOn;
    for (const id of layer.drawn) map.setLayoutProperty(id, "visibility", isOn ? "visible" : "none");
  };
})(window.GeoTiles);
