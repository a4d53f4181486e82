/* What maplibre draws of each layer, straight from the service's tiles: fills, hatches, lines, points by class, names. */
"use strict";

(function (GeoTiles) {
  /** Return an expression: the number of a feature's class, or -1; a prefix takes the longest code that fits. */
  function classNumber(layer) {
    const value = ["to-string", ["coalesce", ["get", layer.by], ""]];
    const byLength = layer.classes.map((swatch, number) => [swatch.code, number]).sort((a, b) => b[0].length - a[0].length);
    const cases = byLength.flatMap(([code, number]) => [layer.isPrefix ? ["==", ["slice", value, 0, code.length], code] : ["==", value, code], number]);
    return ["case", ...cases, -1];
  }

  function byClass(layer, valueOf) {
    if (!layer.classes.length) return valueOf(-1);
    return ["match", classNumber(layer), ...layer.classes.flatMap((_, number) => [number, valueOf(number)]), valueOf(-1)];
  }

  function pictured(map, name, make) {
    if (!map.hasImage(name)) map.addImage(name, make(), { pixelRatio: GeoTiles.pictureRatio });
    return name;
  }

  const dashes = (style) => (style.dash.length ? { "line-dasharray": style.dash.map((n) => n / Math.max(style.width, 1)) } : {});

  function areal(map, layer, place) {
    const { style } = layer;
    const made = [];
    if (style.opacity > 0) {
      made.push({ ...place, id: layer.id + "-fill", type: "fill", paint: { "fill-color": byClass(layer, (n) => GeoTiles.look(layer, n).colour), "fill-opacity": style.opacity } });
      const hatched = [-1, ...layer.classes.keys()].filter((n) => GeoTiles.look(layer, n).hatch !== "none");
      if (hatched.length) {
        made.push({ ...place, id: layer.id + "-hatch", type: "fill", ...(layer.classes.length ? { filter: ["in", classNumber(layer), ["literal", hatched]] } : {}),
          paint: { "fill-pattern": byClass(layer, (n) => hatchName(map, layer, n)) } });
      }
    }
    made.push({ ...place, id: layer.id + "-edge", type: "line", paint: { "line-color": style.colour, "line-width": style.width, ...dashes(style) } });
    return made;
  }

  function hatchName(map, layer, number) {
    const { hatch } = GeoTiles.look(layer, number);
    return pictured(map, hatch + layer.style.colour, () => GeoTiles.hatchPicture(hatch, layer.style.colour));
  }

  function lineal(layer, place) {
    return [{ ...place, id: layer.id + "-line", type: "line", paint: { "line-color": byClass(layer, (n) => GeoTiles.look(layer, n).colour), "line-width": layer.style.width, ...dashes(layer.style) } }];
  }

  function pointed(map, layer, place) {
    const { style } = layer;
    const icon = byClass(layer, (n) => {
      const { colour, shape } = GeoTiles.look(layer, n);
      return pictured(map, [shape, colour, style.colour, style.size].join(), () => GeoTiles.symbolPicture(shape, colour, style.colour, style.size));
    });
    return [{ ...place, id: layer.id + "-point", type: "symbol", layout: { "icon-image": icon, "icon-allow-overlap": true, "icon-ignore-placement": true } }];
  }

  function named(layer, place) {
    if (!layer.name || layer.labelZoom === null) return [];
    const isPoint = layer.kind === "point";
    const inTile = layer.kind === "polygon" ? { "source-layer": layer.id + "-names" } : {}; // or each piece of an area would have its name
    return [{ ...place, ...inTile, id: layer.id + "-name", type: "symbol", minzoom: Math.max(0, layer.labelZoom - 1), // that zoom counts tiles of 256 pixels
      layout: { "text-field": ["get", layer.name], "text-size": layer.kind === "polygon" ? 14 : 12, "text-max-width": 10, "symbol-placement": layer.kind === "line" ? "line" : "point",
        "text-anchor": isPoint ? "left" : "center", "text-offset": isPoint ? [0.8, 0] : [0, 0] },
      paint: { "text-color": layer.kind === "line" ? "#0b4f8a" : "#1d2733", "text-halo-color": "#ffffff", "text-halo-width": 1.6 } }];
  }

  /** Add sources and drawings of all layers; each learns the ids of its own. */
  GeoTiles.addLayers = function (map) {
    const at = new URL(GeoTiles.base + "/tiles/", window.location.href).href;
    const later = [];
    for (const layer of GeoTiles.data.layers) {
      map.addSource(layer.id, { type: "vector", tiles: [at + encodeURIComponent(layer.id) + "/{z}/{x}/{y}.mvt"], minzoom: layer.zooms[0], maxzoom: layer.zooms[1], promoteId: "feature_id" });
      const place = { source: layer.id, "source-layer": layer.id, minzoom: layer.zooms[0] };
      const drawings = layer.kind === "polygon" ? areal(map, layer, place) : layer.kind === "line" ? lineal(layer, place) : pointed(map, layer, place);
      drawings.forEach((drawing) => map.addLayer(drawing));
      later.push([layer, named(layer, place)]);
      layer.drawn = drawings.map((drawing) => drawing.id);
    }
    for (const [layer, drawings] of later) {
      drawings.forEach((drawing) => map.addLayer(drawing));
      layer.drawn.push(...drawings.map((drawing) => drawing.id));
    }
    for (const layer of GeoTiles.data.layers) GeoTiles.show(map, layer, layer.visible);
  };

  GeoTiles.show = function (map, layer, isOn) {
    layer.visible = isOn;
    for (const id of layer.drawn) map.setLayoutProperty(id, "visibility", isOn ? "visible" : "none");
  };
})(window.GeoTiles);
