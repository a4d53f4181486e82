/* Read the packed columns and shapes; geosys/maps/pack.py writes them. */
"use strict";

(function (GeoSys) {
  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const VALUE = new Int8Array(128);
  for (let i = 0; i < 64; i++) VALUE[DIGITS.charCodeAt(i)] = i;

  /** Read `n` whole numbers. Multiplied, not shifted: coordinates of a whole layer outgrow 32 bits. */
  function integers(text, n) {
    const out = new Float64Array(n);
    let value = 0;
    let factor = 1;
    let at = 0;
    for (let i = 0; i < text.length; i++) {
      const digit = VALUE[text.charCodeAt(i)];
      value += (digit & 31) * factor;
      if (digit > 31) {
        factor *= 32;
      } else {
        out[at++] = value % 2 ? -(value + 1) / 2 : value / 2;
        value = 0;
        factor = 1;
      }
    }
    return out;
  }
  GeoSys.integers = integers;

  /** Return where each group begins, from how many members each has: [2, 3] gives [0, 2, 5]. */
  function starts(text, n) {
    const counts = integers(text, n);
    const first = new Int32Array(n + 1);
    for (let i = 0; i < n; i++) first[i + 1] = first[i] + counts[i];
    return first;
  }

  /** Return a column as a function from row to value; nothing is unpacked before it is asked for. */
  GeoSys.column = function (packed, n) {
    if (!packed) return () => null;
    if (packed.list) return (row) => packed.list[row];
    let rows = null;
    return (row) => {
      rows = rows || integers(packed.rows, n);
      return packed.words[rows[row]];
    };
  };

  /**
   * Read shapes into flat arrays. Positions are in "world" units: pixels of the Web Mercator square at zoom 0, so that
   * a pixel at zoom z is world * 2^z and zooming costs one multiplication a vertex.
   */
  GeoSys.shapes = function (packed) {
    const n = packed.n;
    const part = starts(packed.parts, n);
    const ring = starts(packed.rings, part[n]);
    const point = starts(packed.points, ring[part[n]]);
    const total = point[ring[part[n]]];
    const steps = integers(packed.steps, total * 2);
    const x = new Float64Array(total);
    const y = new Float64Array(total);
    let lon = 0;
    let lat = 0;
    for (let i = 0; i < total; i++) {
      lon += steps[2 * i];
      lat += steps[2 * i + 1];
      const sine = Math.sin((lat / 1e6) * (Math.PI / 180));
      x[i] = (lon / 1e6 / 360 + 0.5) * 256;
      y[i] = (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * 256;
    }
    const shapes = { n, kinds: Uint8Array.from(integers(packed.kinds, n)), part, ring, point, x, y, box: null };
    shapes.box = boxes(shapes);
    return shapes;
  };

  /** Return west, north, east, south of every shape in world units; an absent shape has an inside-out box. */
  function boxes(shapes) {
    const box = new Float64Array(4 * shapes.n);
    for (let row = 0; row < shapes.n; row++) {
      let west = Infinity, north = Infinity, east = -Infinity, south = -Infinity;
      const last = shapes.point[shapes.ring[shapes.part[row + 1]]];
      for (let i = shapes.point[shapes.ring[shapes.part[row]]]; i < last; i++) {
        if (shapes.x[i] < west) west = shapes.x[i];
        if (shapes.x[i] > east) east = shapes.x[i];
        if (shapes.y[i] < north) north = shapes.y[i];
        if (shapes.y[i] > south) south = shapes.y[i];
      }
      box.set([west, north, east, south], 4 * row);
    }
    return box;
  }

  /** Return the place in x and y of a shape's first position; rows without a shape have none, so ask for its kind first. */
  GeoSys.firstOf = (shapes, row) => shapes.point[shapes.ring[shapes.part[row]]];

  /** Return the Leaflet bounds of a shape, or null when it has none. */
  GeoSys.boundsOf = function (shapes, row) {
    const box = shapes.box;
    if (!(box[4 * row] <= box[4 * row + 2])) return null;
    const corner = (x, y) => L.CRS.EPSG3857.pointToLatLng(L.point(x, y), 0);
    return L.latLngBounds(corner(box[4 * row], box[4 * row + 1]), corner(box[4 * row + 2], box[4 * row + 3]));
  };

  /** Say whether a position (world) lies in a polygon, on a line or at a point, give or take `reach`. */
  GeoSys.touches = function (shapes, row, px, py, reach) {
    const box = shapes.box;
    const at = 4 * row;
    if (px < box[at] - reach || px > box[at + 2] + reach || py < box[at + 1] - reach || py > box[at + 3] + reach) return false;
    const areal = shapes.kinds[row] === 3;
    let inside = false;
    for (let ring = shapes.ring[shapes.part[row]]; ring < shapes.ring[shapes.part[row + 1]]; ring++) {
      const first = shapes.point[ring];
      const last = shapes.point[ring + 1];
      if (shapes.kinds[row] === 1) {
        if (Math.hypot(shapes.x[first] - px, shapes.y[first] - py) <= reach) return true;
        continue;
      }
      for (let i = areal ? first : first + 1, j = areal ? last - 1 : first; i < last; j = i++) {
        const ax = shapes.x[j], ay = shapes.y[j], bx = shapes.x[i], by = shapes.y[i];
        if (areal) {
          if (ay > py !== by > py && px < ((bx - ax) * (py - ay)) / (by - ay) + ax) inside = !inside;
        } else if (distance(px, py, ax, ay, bx, by) <= reach) {
          return true;
        }
      }
    }
    return inside;
  };

  /** Return the distance of a position from a stretch of line. */
  function distance(px, py, ax, ay, bx, by) {
    const dx = bx - ax, dy = by - ay;
    const length = dx * dx + dy * dy;
    const t = length ? Math.max(0, Math.min(1, ((px - ax) * dx + (py - ay) * dy) / length)) : 0;
    return Math.hypot(px - ax - t * dx, py - ay - t * dy);
  }
})(window.GeoSys);
