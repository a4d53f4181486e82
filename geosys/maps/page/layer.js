/* One layer of the data as a Leaflet layer. Its rows are drawn straight from the flat arrays, unpacked when first shown. */
"use strict";

(function (GeoSys) {
  const FONT = '"Microsoft YaHei","PingFang SC","Noto Sans CJK SC","Noto Sans SC",sans-serif';

  /** Return the page's data, read once. */
  GeoSys.data = function () {
    if (!GeoSys._data) GeoSys._data = JSON.parse(document.getElementById("geosys-data").textContent);
    return GeoSys._data;
  };

  const PackedLayer = L.Layer.extend({
    initialize: function (number) {
      this.order = number;
      this.spec = GeoSys.data().layers[number];
      this.n = this.spec.shapes.n;
      this.id = GeoSys.column(this.spec.ids, this.n);
      this._name = GeoSys.column(this.spec.names, this.n);
      this.since = this.spec.since ? GeoSys.column(this.spec.since, this.n) : null;
      this.values = this.spec.columns.map((column) => GeoSys.column(column.values, this.n));
    },

    onAdd: function (map) {
      this._board = GeoSys.board(map, "layers");
      this._board.add(this);
    },

    onRemove: function () {
      this._board.drop(this);
    },

    title: function () {
      return GeoSys.pick(this.spec.title);
    },

    name: function (row) {
      const name = this._name(row);
      return name === null || name === "" ? this.id(row) : String(name);
    },

    shapes: function () {
      if (!this._shapes) this._shapes = GeoSys.shapes(this.spec.shapes);
      return this._shapes;
    },

    /** Return which entry of the timeline holds on the day that is drawn: -1 before the first, null for the present. */
    chapter: function () {
      const timeline = this.spec.timeline;
      if (!timeline.length || GeoSys.time.day >= GeoSys.data().asOf) return null;
      let at = -1;
      while (at + 1 < timeline.length && timeline[at + 1][0] <= GeoSys.time.day) at++;
      return at;
    },

    /** Return something that depends on the chapter, made once for each. */
    perChapter: function (name, make) {
      const key = name + this.chapter();
      if (!this._kept) this._kept = new Map();
      if (!this._kept.has(key)) this._kept.set(key, make(this.chapter()));
      return this._kept.get(key);
    },

    /** Return the class of each row on the day that is drawn; -1 where it had none yet. */
    classes: function () {
      return this.perChapter("classes", (at) => {
        if (at === -1) return new Float64Array(this.n).fill(-1);
        return GeoSys.integers(at === null ? this.spec.classRows : this.spec.timeline[at][1], this.n);
      });
    },

    /** Say whether a row exists on the day that is drawn; without a date it always did. */
    exists: function (row) {
      const first = this.since ? this.since(row) : null;
      return !first || first <= GeoSys.time.day;
    },

    /** Return the row that has this id, or -1. */
    find: function (id) {
      if (!this._rows) {
        this._rows = new Map();
        for (let row = 0; row < this.n; row++) this._rows.set(this.id(row), row);
      }
      return this._rows.has(id) ? this._rows.get(id) : -1;
    },

    /** Return the rows in drawing order: class by class, so that colours change seldom; large shapes stay below. */
    drawingOrder: function () {
      return this.perChapter("order", () => {
        const classes = this.classes();
        return Uint32Array.from({ length: this.n }, (_, row) => row).sort((a, b) => classes[a] - classes[b] || a - b);
      });
    },

    isDrawnAt: function (zoom) {
      return zoom >= this.spec.minZoom;
    },

    draw: function (ctx, view) {
      if (!this.isDrawnAt(view.zoom)) return;
      const shapes = this.shapes();
      const classes = this.classes();
      const style = this.spec.style;
      let current = null;
      let look = null;
      ctx.save();
      ctx.lineJoin = ctx.lineCap = "round";
      ctx.setLineDash(style.dash);
      ctx.lineWidth = style.width;
      for (const row of this.drawingOrder()) {
        if (!shapes.kinds[row] || !GeoSys.inView(view, shapes, row, 12) || !this.exists(row)) continue;
        if (classes[row] !== current) {
          current = classes[row];
          look = GeoSys.look(style, this.spec.classes[current]);
          look.tile = GeoSys.hatch(ctx, look.hatch, style.colour);
        }
        if (shapes.kinds[row] === 3) this._drawArea(ctx, view, shapes, row, look);
        else if (shapes.kinds[row] === 2) this._drawLine(ctx, view, shapes, row, look);
        else this._drawPoint(ctx, view, shapes, row, look);
      }
      ctx.restore();
    },

    _drawArea: function (ctx, view, shapes, row, look) {
      const style = this.spec.style;
      const box = shapes.box;
      const width = (box[4 * row + 2] - box[4 * row]) * view.scale;
      const height = (box[4 * row + 3] - box[4 * row + 1]) * view.scale;
      ctx.globalAlpha = style.opacity * GeoSys.basemap.veil(this);
      ctx.fillStyle = look.fill;
      if (width < 1.5 && height < 1.5) {
        ctx.fillRect(box[4 * row] * view.scale - view.dx, box[4 * row + 1] * view.scale - view.dy, 1.5, 1.5);
        return;
      }
      GeoSys.traceShape(ctx, view, shapes, row);
      if (ctx.globalAlpha > 0) ctx.fill("evenodd");
      ctx.globalAlpha = 1;
      if (look.tile && (width > 5 || height > 5)) {
        ctx.fillStyle = look.tile;
        ctx.fill("evenodd");
      }
      if (style.width > 0 && (width > 4 || height > 4)) {
        ctx.strokeStyle = style.colour;
        ctx.stroke();
      }
    },

    _drawLine: function (ctx, view, shapes, row, look) {
      GeoSys.traceShape(ctx, view, shapes, row);
      ctx.strokeStyle = look.line;
      ctx.stroke();
    },

    _drawPoint: function (ctx, view, shapes, row, look) {
      // on the overview the layers' symbols stay small: the findings are what one looks for there
      const radius = this.spec.style.size * Math.max(0.5, Math.min(1.25, 1 + (view.zoom - 13.5) * 0.16));
      ctx.setLineDash([]);
      for (let part = shapes.part[row]; part < shapes.part[row + 1]; part++) {
        const at = shapes.point[shapes.ring[part]];
        const [x, y] = [shapes.x[at] * view.scale - view.dx, shapes.y[at] * view.scale - view.dy];
        GeoSys.symbol(ctx, look.shape, x, y, radius, look.fill, this.spec.style.colour);
      }
    },

    /** Write the names of what can be seen, each where no other name stands. */
    drawNames: function (ctx, view) {
      if (this.spec.labelZoom === null || view.zoom < this.spec.labelZoom || !this.isDrawnAt(view.zoom)) return;
      if (!this._anchors) this._anchors = GeoSys.shapes(this.spec.anchors);
      const anchors = this._anchors;
      ctx.save();
      ctx.font = "12px " + FONT;
      ctx.textAlign = "center";
      ctx.textBaseline = "middle";
      ctx.lineJoin = "round";
      ctx.lineWidth = 3;
      ctx.strokeStyle = "rgba(255,255,255,.9)";
      ctx.fillStyle = this.spec.style.colour;
      const below = this.spec.kind === "point" ? 13 : 0;
      for (let row = 0; row < this.n; row++) {
        if (!anchors.kinds[row] || !GeoSys.inView(view, anchors, row, 0) || !this.exists(row)) continue;
        const at = GeoSys.firstOf(anchors, row);
        const x = anchors.x[at] * view.scale - view.dx;
        const y = anchors.y[at] * view.scale - view.dy + below;
        const text = GeoSys.brief(this.name(row), 16);
        const half = ctx.measureText(text).width / 2 + 3;
        const box = [x - half, y - 9, x + half, y + 9];
        if (view.taken.some((t) => t[0] < box[2] && t[2] > box[0] && t[1] < box[3] && t[3] > box[1])) continue;
        view.taken.push(box);
        ctx.strokeText(text, x, y);
        ctx.fillText(text, x, y);
      }
      ctx.restore();
    },

    /** Return the rows at a position (world), the last drawn first; `pixel` is the size of one in world units. */
    rowsAt: function (x, y, zoom, pixel) {
      if (!this.isDrawnAt(zoom)) return [];
      const shapes = this.shapes();
      const reach = pixel * (this.spec.kind === "point" ? this.spec.style.size + 4 : this.spec.kind === "line" ? 6 : 0);
      const rows = [];
      for (let row = this.n - 1; row >= 0; row--) if (this.exists(row) && GeoSys.touches(shapes, row, x, y, reach)) rows.push(row);
      return rows;
    },
  });

  /** Make the layer of this number; the page's last script calls this for each. */
  GeoSys.layer = function (number) {
    const layer = new PackedLayer(number);
    (GeoSys.layers = GeoSys.layers || [])[number] = layer;
    return layer;
  };
  GeoSys.FONT = FONT;
})(window.GeoSys);
