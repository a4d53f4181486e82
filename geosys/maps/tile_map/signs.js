/* Hatches and point symbols as pictures: on a grey copy classes differ by them, not by colour. */
"use strict";

(function (GeoTiles) {
  const RATIO = 2; // pixels of the picture for one of the page
  const STEP = 8; // a hatch repeats after so many pixels

  function canvas(width, height) {
    const made = document.createElement("canvas");
    made.width = width * RATIO;
    made.height = height * RATIO;
    const ctx = made.getContext("2d", { willReadFrequently: true });
    ctx.scale(RATIO, RATIO);
    return ctx;
  }

  /** Draw a hatch over width and height; `kind` is a word of maps/palettes.toml. */
  GeoTiles.hatch = function (ctx, kind, colour, width, height) {
    ctx.strokeStyle = ctx.fillStyle = colour;
    ctx.lineWidth = 1;
    ctx.beginPath();
    for (let at = -height - STEP; at <= width + height; at += STEP) {
      if (kind === "forward" || kind === "cross") { ctx.moveTo(at, height + 1); ctx.lineTo(at + height + 1, 0); }
      if (kind === "backward" || kind === "cross") { ctx.moveTo(at, -1); ctx.lineTo(at + height + 1, height); }
      if (kind === "vertical") { ctx.moveTo(at + STEP / 2, 0); ctx.lineTo(at + STEP / 2, height); }
      if (kind === "horizontal") { ctx.moveTo(0, at + STEP / 2); ctx.lineTo(width, at + STEP / 2); }
    }
    ctx.stroke();
    if (kind === "dots") {
      for (let x = STEP / 4; x < width; x += STEP / 2) for (let y = STEP / 4; y < height; y += STEP / 2) ctx.fillRect(x - 0.5, y - 0.5, 1.1, 1.1);
    }
  };

  const turned = (count, start, inner) =>
    Array.from({ length: inner ? count * 2 : count }, (_, i) => {
      const angle = start + (i * 2 * Math.PI) / (inner ? count * 2 : count);
      const radius = inner && i % 2 ? inner : 1;
      return [Math.sin(angle) * radius, -Math.cos(angle) * radius];
    });
  const CORNERS = {
    square: turned(4, Math.PI / 4), frame: turned(4, Math.PI / 4), triangle: turned(3, 0), inverted: turned(3, Math.PI),
    diamond: turned(4, 0), star: turned(5, 0, 0.45), pentagon: turned(5, 0), hexagon: turned(6, Math.PI / 6),
    cross: [[-0.3, -1], [0.3, -1], [0.3, -0.3], [1, -0.3], [1, 0.3], [0.3, 0.3], [0.3, 1], [-0.3, 1], [-0.3, 0.3], [-1, 0.3], [-1, -0.3], [-0.3, -0.3]],
  };

  /** Draw a point symbol around x, y; ring and frame are hollow. */
  GeoTiles.symbol = function (ctx, shape, fill, colour, x, y, size) {
    ctx.beginPath();
    if (CORNERS[shape]) CORNERS[shape].forEach(([dx, dy], i) => ctx[i ? "lineTo" : "moveTo"](x + dx * size, y + dy * size));
    else ctx.arc(x, y, size * 0.9, 0, 2 * Math.PI);
    ctx.closePath();
    const hollow = shape === "ring" || shape === "frame";
    ctx.fillStyle = hollow ? "#ffffff" : fill;
    ctx.fill();
    ctx.lineWidth = hollow ? 2 : 1.2;
    ctx.strokeStyle = hollow ? fill : colour;
    ctx.stroke();
  };

  const picture = (ctx) => ctx.getImageData(0, 0, ctx.canvas.width, ctx.canvas.height);

  GeoTiles.hatchPicture = function (kind, colour) {
    const ctx = canvas(STEP, STEP);
    GeoTiles.hatch(ctx, kind, colour, STEP, STEP);
    return picture(ctx);
  };

  GeoTiles.symbolPicture = function (shape, fill, colour, size) {
    const side = Math.ceil(size * 2 + 4);
    const ctx = canvas(side, side);
    GeoTiles.symbol(ctx, shape, fill, colour, side / 2, side / 2, size);
    return picture(ctx);
  };
  GeoTiles.pictureRatio = RATIO;

  /** Return the look of a class, or of what has none: colour, hatch, shape. */
  GeoTiles.look = function (layer, number) {
    const swatch = layer.classes[number] || {};
    const plain = layer.kind === "line" ? layer.style.colour : layer.style.fill;
    return { colour: swatch.colour || plain, hatch: swatch.hatch || layer.style.hatch, shape: swatch.shape || layer.style.shape };
  };

  /** Make the legend's sign of a class. */
  GeoTiles.sign = function (layer, number) {
    const ctx = canvas(22, 14);
    const { colour, hatch, shape } = GeoTiles.look(layer, number);
    if (layer.kind === "point") GeoTiles.symbol(ctx, shape, colour, layer.style.colour, 11, 7, 5);
    else if (layer.kind === "line") {
      ctx.setLineDash(layer.style.dash);
      ctx.lineWidth = layer.style.width;
      ctx.strokeStyle = colour;
      ctx.beginPath(); ctx.moveTo(0, 7); ctx.lineTo(22, 7); ctx.stroke();
    } else {
      ctx.globalAlpha = layer.style.opacity;
      ctx.fillStyle = colour;
      ctx.fillRect(0, 0, 22, 14);
      ctx.globalAlpha = 1;
      if (hatch !== "none") GeoTiles.hatch(ctx, hatch, layer.style.colour, 22, 14);
      ctx.setLineDash(layer.style.dash);
      ctx.strokeStyle = layer.style.colour;
      ctx.strokeRect(0.5, 0.5, 21, 13);
    }
    ctx.canvas.className = "gt-sign";
    ctx.canvas.setAttribute("aria-hidden", "true");
    return ctx.canvas;
  };
})(window.GeoTiles);
