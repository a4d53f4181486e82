/* Symbols and hatches, the same on the map, in the legend and in the cards. */
"use strict";

(function (GeoSys) {
  const TURN = 2 * Math.PI;
  const POLYGONS = { // corners, turn of the first one, growth that makes areas look alike
    square: [4, Math.PI / 4, 1.15],
    frame: [4, Math.PI / 4, 1.15],
    diamond: [4, 0, 1.25],
    triangle: [3, -Math.PI / 2, 1.35],
    inverted: [3, Math.PI / 2, 1.35],
    pentagon: [5, -Math.PI / 2, 1.1],
    hexagon: [6, 0, 1.1],
  };

  /** Trace a symbol of radius `r` around (x, y) on the context. */
  GeoSys.tracePath = function (ctx, shape, x, y, r) {
    ctx.beginPath();
    if (shape === "star" || shape === "cross") {
      const corners = shape === "star" ? 10 : 12;
      for (let i = 0; i < corners; i++) {
        const [angle, reach] = shape === "star" ? [(i * TURN) / 10 - Math.PI / 2, i % 2 ? 0.58 : 1.4] : crossCorner(i);
        ctx.lineTo(x + r * reach * Math.cos(angle), y + r * reach * Math.sin(angle));
      }
    } else if (POLYGONS[shape]) {
      const [corners, turn, growth] = POLYGONS[shape];
      for (let i = 0; i < corners; i++) {
        const angle = turn + (i * TURN) / corners;
        ctx.lineTo(x + r * growth * Math.cos(angle), y + r * growth * Math.sin(angle));
      }
    } else {
      ctx.arc(x, y, r, 0, TURN);
    }
    ctx.closePath();
  };

  /** Return angle and reach of a corner of the upright cross: two outer corners, then an inner one, four times. */
  function crossCorner(i) {
    const arm = Math.floor(i / 3) * (TURN / 4);
    return [[arm - 0.36, 1.2], [arm + 0.36, 1.2], [arm + TURN / 8, 0.6]][i % 3];
  }

  GeoSys.isHollow = (shape) => shape === "ring" || shape === "frame";

  /** Draw a layer's symbol: fill, and a line that keeps it apart from what lies under it. */
  GeoSys.symbol = function (ctx, shape, x, y, r, fill, line) {
    GeoSys.tracePath(ctx, shape, x, y, r);
    const hollow = GeoSys.isHollow(shape);
    ctx.fillStyle = hollow ? "#ffffff" : fill;
    ctx.fill();
    ctx.lineWidth = hollow ? Math.max(1.6, r * 0.4) : 1;
    ctx.strokeStyle = hollow ? fill : line;
    ctx.stroke();
  };

  /** Return how bright a colour #rrggbb is, 0 to 1 (relative luminance, WCAG 2.1). */
  GeoSys.luminance = function (colour) {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const part = parseInt(colour.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };

  /** Return white or black, whichever has the greater contrast with a colour; it is at least 4.5. */
  GeoSys.inkOn = (colour) => (GeoSys.luminance(colour) < 0.179 ? "#ffffff" : "#000000");

  /** Draw a finding's symbol: shape = status, colour and inner mark = outcome, so that a grey print still tells. */
  GeoSys.findingSymbol = function (ctx, status, outcome, x, y, r) {
    const hollow = GeoSys.isHollow(status.shape);
    GeoSys.tracePath(ctx, status.shape, x, y, r);
    ctx.lineJoin = "round";
    ctx.lineWidth = 4.5;
    ctx.strokeStyle = "#ffffff"; // a halo keeps the symbol readable on any ground
    ctx.stroke();
    ctx.fillStyle = hollow ? "#ffffff" : outcome.colour;
    ctx.fill();
    ctx.lineWidth = hollow ? 3 : 1;
    ctx.strokeStyle = hollow ? outcome.colour : "rgba(20,24,30,.85)";
    ctx.stroke();
    const ink = hollow ? outcome.colour : GeoSys.inkOn(outcome.colour);
    if (outcome.mark === "dot") {
      ctx.beginPath();
      ctx.arc(x, y, r * 0.36, 0, TURN);
      ctx.fillStyle = ink;
      ctx.fill();
    } else if (outcome.mark === "question") {
      ctx.font = "bold " + Math.round(r * 1.45) + "px sans-serif";
      ctx.textAlign = "center";
      ctx.textBaseline = "middle";
      ctx.fillStyle = ink;
      ctx.fillText("?", x, y + r * 0.08);
    }
  };

  const HATCHES = { // strokes on a tile of 8 pixels; those that leave it go on at the other side
    forward: [[-2, 2, 2, -2], [0, 8, 8, 0], [6, 10, 10, 6]],
    backward: [[-2, 6, 2, 10], [0, 0, 8, 8], [6, -2, 10, 2]],
    cross: [[-2, 2, 2, -2], [0, 8, 8, 0], [6, 10, 10, 6], [-2, 6, 2, 10], [0, 0, 8, 8], [6, -2, 10, 2]],
    horizontal: [[0, 4, 8, 4]],
    vertical: [[4, 0, 4, 8]],
  };
  const tiles = new Map();

  /** Return the tile of a hatch in a colour, or null for none. */
  GeoSys.hatch = function (ctx, name, colour) {
    if (!name || name === "none") return null;
    const key = name + colour;
    if (!tiles.has(key)) {
      const tile = GeoSys.make("canvas");
      tile.width = tile.height = 8;
      const pen = tile.getContext("2d");
      pen.strokeStyle = pen.fillStyle = colour;
      pen.globalAlpha = 0.75;
      pen.lineWidth = 1;
      pen.beginPath();
      for (const [x1, y1, x2, y2] of HATCHES[name] || []) {
        pen.moveTo(x1, y1);
        pen.lineTo(x2, y2);
      }
      pen.stroke();
      if (name === "dots") for (const [x, y] of [[2, 2], [6, 6]]) pen.fillRect(x - 0.8, y - 0.8, 1.6, 1.6);
      tiles.set(key, tile);
    }
    return ctx.createPattern(tiles.get(key), "repeat");
  };

  /** Make a small canvas and let `draw` paint on it; sharp on dense screens. */
  function picture(width, height, draw) {
    const canvas = GeoSys.make("canvas", { class: "gs-swatch", attr: { "aria-hidden": "true" } });
    const dense = Math.max(2, window.devicePixelRatio || 1);
    canvas.width = width * dense;
    canvas.height = height * dense;
    canvas.style.width = width + "px";
    canvas.style.height = height + "px";
    const ctx = canvas.getContext("2d");
    ctx.scale(dense, dense);
    draw(ctx);
    return canvas;
  }

  /** Make the swatch of a layer, or of one class of it. */
  GeoSys.layerSwatch = function (kind, style, swatch) {
    const look = GeoSys.look(style, swatch);
    return picture(22, 14, (ctx) => {
      if (kind === "point") {
        GeoSys.symbol(ctx, look.shape, 11, 7, Math.min(5, style.size), look.fill, style.colour);
      } else if (kind === "line") {
        ctx.beginPath();
        ctx.moveTo(1, 7);
        ctx.lineTo(21, 7);
        ctx.lineWidth = Math.min(4, style.width + 0.6);
        ctx.strokeStyle = look.line;
        ctx.setLineDash(style.dash.map((n) => n * 0.7));
        ctx.stroke();
      } else {
        ctx.rect(1, 1, 20, 12);
        ctx.globalAlpha = style.opacity;
        ctx.fillStyle = look.fill;
        ctx.fill();
        ctx.globalAlpha = 1;
        const hatch = GeoSys.hatch(ctx, look.hatch, style.colour);
        if (hatch) {
          ctx.fillStyle = hatch;
          ctx.fill();
        }
        ctx.lineWidth = Math.max(1, Math.min(2, style.width));
        ctx.strokeStyle = style.colour;
        ctx.setLineDash(style.dash.map((n) => n * 0.5));
        ctx.stroke();
      }
    });
  };

  /** Return what a class changes of its layer's style. */
  GeoSys.look = (style, swatch) => ({
    fill: (swatch && swatch.colour) || style.fill,
    line: (swatch && swatch.colour) || style.colour,
    hatch: (swatch && swatch.hatch) || style.hatch,
    shape: (swatch && swatch.shape) || style.shape,
  });

  /** Make the swatch of a finding's symbol. */
  GeoSys.findingSwatch = (status, outcome) =>
    picture(22, 22, (ctx) => GeoSys.findingSymbol(ctx, status, outcome, 11, 11, 6.2));
})(window.GeoSys);
