/* The canvas on which many shapes are drawn: a Leaflet renderer that paints our flat arrays instead of path objects. */
"use strict";

(function (GeoSys) {
  const Board = L.Renderer.extend({
    options: { padding: 0.25 },

    initialize: function (options) {
      L.Renderer.prototype.initialize.call(this, options);
      this.painters = []; // each has an `order` and a `draw(ctx, view)`
    },

    _initContainer: function () {
      this._container = GeoSys.make("canvas", { class: "gs-board", attr: { "aria-hidden": "true" } });
      this._context = this._container.getContext("2d");
    },

    _destroyContainer: function () {
      this._container.remove();
    },

    // Leaflet calls this before each move's end as well: one drawing a change is enough.
    _reset: function () {},

    _update: function () {
      if (this._map._animatingZoom && this._bounds) return;
      L.Renderer.prototype._update.call(this);
      const size = this._bounds.getSize();
      this._dense = window.devicePixelRatio || 1;
      L.DomUtil.setPosition(this._container, this._bounds.min);
      this._container.style.width = size.x + "px";
      this._container.style.height = size.y + "px";
      this.paint();
    },

    _updatePaths: function () {},

    /** Ask for a new drawing; many wishes within a frame make one. */
    redraw: function () {
      if (this._wanted || !this._map) return;
      this._wanted = true;
      L.Util.requestAnimFrame(() => {
        this._wanted = false;
        if (this._map && !this._map._animatingZoom) this.paint();
      });
    },

    paint: function () {
      if (GeoSys.still) return;
      const view = this.view();
      const ctx = this._context;
      // a new width empties the canvas; clearRect would be printed as a white sheet over the board below
      this._container.width = Math.round(view.width * this._dense);
      this._container.height = Math.round(view.height * this._dense);
      ctx.setTransform(this._dense, 0, 0, this._dense, 0, 0);
      const west = this._bounds.min.add(this._map._getMapPanePos()).x;
      for (const half of GeoSys.time.halves(view, west)) GeoSys.time.asOf(half.day, () => this.paintHalf(ctx, view, half));
    },

    /** Paint one stretch of the canvas; with two dates shown side by side there are two. */
    paintHalf: function (ctx, view, half) {
      ctx.save();
      ctx.beginPath();
      ctx.rect(half.from, 0, half.to - half.from, view.height);
      ctx.clip();
      view.taken = [];
      for (const painter of this.painters) painter.draw(ctx, view);
      for (const painter of this.painters) if (painter.drawNames) painter.drawNames(ctx, view);
      ctx.restore();
    },

    /** Return how world units become pixels of the canvas, and the box (world) that can be seen. */
    view: function () {
      const zoom = this._map.getZoom();
      const scale = Math.pow(2, zoom);
      const origin = this._map.getPixelOrigin().add(this._bounds.min);
      const size = this._bounds.getSize();
      return {
        zoom, scale, dx: origin.x, dy: origin.y, width: size.x, height: size.y,
        west: origin.x / scale, north: origin.y / scale,
        east: (origin.x + size.x) / scale, south: (origin.y + size.y) / scale,
        taken: [], // boxes of names already written
      };
    },

    add: function (painter) {
      this.painters.push(painter);
      this.painters.sort((a, b) => a.order - b.order);
      this.redraw();
    },

    drop: function (painter) {
      this.painters = this.painters.filter((other) => other !== painter);
      this.redraw();
    },
  });

  const HEIGHTS = { layers: 400, marks: 450, tools: 460 };

  /** Return a board of a map: "layers" below, "marks" (findings, what is chosen) and "tools" above; made when first asked for. */
  GeoSys.board = function (map, name) {
    const boards = (map.geosysBoards = map.geosysBoards || {});
    if (!boards[name]) {
      map.createPane(name).style.zIndex = HEIGHTS[name];
      map.getPane(name).style.pointerEvents = "none"; // the map itself hears the clicks
      boards[name] = new Board({ pane: name }).addTo(map);
    }
    return boards[name];
  };

  /** Move the map without drawing on the way, then draw once: a canvas drawn twice before printing is printed empty. */
  GeoSys.drawOnce = function (action) {
    GeoSys.still = true;
    action();
    GeoSys.still = false;
    for (const board of Object.values(GeoSys.map.geosysBoards)) board.paint();
  };

  GeoSys.redraw = function () {
    for (const name of ["layers", "marks"]) GeoSys.board(GeoSys.map, name).redraw();
  };

  /** Trace a shape on the context; positions closer than a pixel to the last one are left out. */
  GeoSys.traceShape = function (ctx, view, shapes, row) {
    const { x, y, point, ring, part } = shapes;
    const { scale, dx, dy } = view;
    const areal = shapes.kinds[row] === 3;
    ctx.beginPath();
    for (let r = ring[part[row]]; r < ring[part[row + 1]]; r++) {
      const last = point[r + 1] - 1;
      let px = x[point[r]] * scale - dx;
      let py = y[point[r]] * scale - dy;
      ctx.moveTo(px, py);
      for (let i = point[r] + 1; i <= last; i++) {
        const qx = x[i] * scale - dx;
        const qy = y[i] * scale - dy;
        if (i < last && Math.abs(qx - px) < 0.8 && Math.abs(qy - py) < 0.8) continue;
        ctx.lineTo(qx, qy);
        px = qx;
        py = qy;
      }
      if (areal) ctx.closePath();
    }
  };

  /** Say whether a shape's box meets the view widened by `reach` pixels. */
  GeoSys.inView = function (view, shapes, row, reach) {
    const box = shapes.box;
    const more = reach / view.scale;
    return (
      box[4 * row] <= view.east + more && box[4 * row + 2] >= view.west - more &&
      box[4 * row + 1] <= view.south + more && box[4 * row + 3] >= view.north - more
    );
  };
})(window.GeoSys);
