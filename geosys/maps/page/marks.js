/* The findings: which pass the filters, and their marks on the map. Findings at one place share one mark with a number. */
"use strict";

(function (GeoSys) {
  const OUTCOME_RANK = { hit: 0, needs_review: 1, near: 2 };
  const SEVERITY_RANK = { critical: 0, high: 1, medium: 2, low: 3 };
  const DONE = new Set(["accepted", "closed", "look_back", "dismissed"]); // nothing is owed any more
  const DUE = ["overdue", "next30", "range", "none"];
  const COLUMNS = {};

  const Findings = {
    n: 0,
    order: 0,
    // an empty set, or an empty text, lets all pass; `due` is overdue, next30, range (from, to) or none
    filter: { rule: "", lead: "", area: "", due: "", from: "", to: "", outcome: new Set(), status: new Set(), severity: new Set() },
    chosen: null, // { shapes, row, x, y } of what the card shows

    load: function () {
      const packed = GeoSys.data().findings;
      this.n = packed.n;
      for (const name of Object.keys(packed.columns)) COLUMNS[name] = GeoSys.column(packed.columns[name], packed.n);
      this.shapes = GeoSys.shapes(packed.shapes);
      this.anchors = GeoSys.shapes(packed.anchors);
      this.ranked = Array.from({ length: this.n }, (_, row) => row).sort((a, b) => this.rank(a) - this.rank(b) || a - b);
      this.loadAreas();
    },

    /** Read which findings lie in which polygon of the layers one may filter by: "layer/row id" -> rows. */
    loadAreas: function () {
      this.areas = new Map();
      for (const packed of GeoSys.data().areas) {
        const layer = GeoSys.layers[packed.layer];
        const of = GeoSys.integers(packed.of, packed.n);
        const inside = GeoSys.integers(packed.inside, packed.n);
        for (let row = 0; row < layer.n; row++) this.areas.set(layer.spec.id + "/" + layer.id(row), new Set());
        of.forEach((row, i) => this.areas.get(layer.spec.id + "/" + layer.id(inside[i])).add(row));
      }
    },

    has: (column) => Boolean(COLUMNS[column]),
    get: (row, column) => (COLUMNS[column] ? COLUMNS[column](row) : null),

    /** Return the steps of a case: [day, status, note], the first one first. */
    steps: (row) => (COLUMNS.history && COLUMNS.history(row)) || [],

    /** Return the day a finding is known from, or null. */
    firstDay: function (row) {
      const steps = this.steps(row);
      return steps.length ? steps[0][0] : this.get(row, "found_on");
    },

    /** Return a case's status on the day that is drawn; without a history it is the present one. */
    status: function (row) {
      if (GeoSys.time.day >= GeoSys.data().asOf) return this.get(row, "status");
      const before = this.steps(row).filter((step) => step[0] <= GeoSys.time.day);
      return before.length ? before[before.length - 1][1] : this.get(row, "status");
    },

    isOpen: function (row) {
      return !DONE.has(this.status(row));
    },

    /** Return a column that exists in both languages. */
    text: function (row, column) {
      return this.get(row, column + (GeoSys.language ? "_en" : "_zh")) || this.get(row, column + "_zh") || "";
    },

    name: function (row) {
      return String(this.get(row, "subject_name") || this.get(row, "subject_id") || GeoSys.say("noName"));
    },

    word: function (row, column) {
      return column === "status" ? this.status(row) : this.get(row, column);
    },

    swatch: function (row, column) {
      const table = { outcome: "outcomes", status: "statuses", severity: "severities" }[column];
      const word = this.word(row, column);
      return GeoSys.data().words[table][word] || { title: [String(word), String(word)], colour: "#5b6875" };
    },

    rank: function (row) {
      const severity = SEVERITY_RANK[this.get(row, "severity")];
      return OUTCOME_RANK[this.get(row, "outcome")] * 10 + (severity === undefined ? 4 : severity);
    },

    passes: function (row, except) {
      const filter = this.filter;
      const first = this.firstDay(row);
      if (first && first > GeoSys.time.day) return false;
      for (const column of ["rule", "lead"]) {
        if (except !== column && filter[column] && this.get(row, column) !== filter[column]) return false;
      }
      if (except !== "area" && filter.area && !this.areas.get(filter.area).has(row)) return false;
      if (except !== "due" && !this.isDue(row, filter.due)) return false;
      return ["outcome", "status", "severity"].every(
        (column) => column === except || !filter[column].size || filter[column].has(this.word(row, column)),
      );
    },

    /** Say whether a finding's deadline passes a filter; days are counted from the day that is drawn. */
    isDue: function (row, filter) {
      if (!filter) return true;
      const day = this.get(row, "due_on");
      if (filter === "none") return !day;
      if (!day) return false;
      if (filter === "range") return (!this.filter.from || day >= this.filter.from) && (!this.filter.to || day <= this.filter.to);
      const left = GeoSys.daysBetween(GeoSys.time.day, day);
      return this.isOpen(row) && (filter === "overdue" ? left < 0 : left >= 0 && left <= 30);
    },

    /** Say whether a text may stand in a filter: what an address holds may be anything. */
    allows: function (name, text) {
      if (name === "rule") return GeoSys.data().rules.some((rule) => rule.rule === text);
      if (name === "lead") return this.ranked.some((row) => this.get(row, "lead") === text);
      if (name === "area") return this.areas.has(text);
      if (name === "due") return DUE.includes(text);
      return GeoSys.permalink.isDay(text);
    },

    /** Count the findings per word of a column, under the filters of the other columns. */
    counts: function (column) {
      const counts = {};
      for (let row = 0; row < this.n; row++) {
        if (!this.passes(row, column)) continue;
        const word = this.word(row, column);
        counts[word] = (counts[word] || 0) + 1;
      }
      return counts;
    },

    /** Apply the filters: the rows shown, worst first, and their places. */
    update: function () {
      this.views = new Map(GeoSys.time.drawn().map((day) => [day, GeoSys.time.asOf(day, () => this.select())]));
      Object.assign(this, this.views.get(GeoSys.time.now()));
    },

    select: function () {
      const visible = this.ranked.filter((row) => this.passes(row));
      const stacks = new Map();
      for (const row of visible) {
        if (!this.anchors.kinds[row]) continue;
        const at = GeoSys.firstOf(this.anchors, row);
        const key = this.anchors.x[at] + " " + this.anchors.y[at];
        if (!stacks.has(key)) stacks.set(key, { x: this.anchors.x[at], y: this.anchors.y[at], rows: [] });
        stacks.get(key).rows.push(row);
      }
      return { visible, stacks: Array.from(stacks.values()) };
    },

    radius: (zoom) => Math.max(4.5, Math.min(8.5, 4.5 + (zoom - 10) * 0.8)),

    draw: function (ctx, view) {
      const { visible, stacks } = this.views.get(GeoSys.time.day);
      for (let i = visible.length - 1; i >= 0; i--) this._drawOutline(ctx, view, visible[i]);
      this._drawChosen(ctx, view);
      const radius = this.radius(view.zoom);
      for (let i = stacks.length - 1; i >= 0; i--) {
        const stack = stacks[i];
        const x = stack.x * view.scale - view.dx;
        const y = stack.y * view.scale - view.dy;
        if (x < -20 || y < -20 || x > view.width + 20 || y > view.height + 20) continue;
        const row = stack.rows[0];
        ctx.save();
        if (this.get(row, "seen") === "no_longer_found") ctx.globalAlpha = 0.5;
        GeoSys.findingSymbol(ctx, this.swatch(row, "status"), this.swatch(row, "outcome"), x, y, radius);
        ctx.restore();
        if (stack.rows.length > 1 && view.zoom >= 12) badge(ctx, x + radius, y - radius, stack.rows.length);
      }
    },

    /** Outline the area or line of a finding once it is large enough to be seen. */
    _drawOutline: function (ctx, view, row) {
      if (this.shapes.kinds[row] < 2 || !GeoSys.inView(view, this.shapes, row, 0)) return;
      const box = this.shapes.box;
      if ((box[4 * row + 2] - box[4 * row]) * view.scale < 14) return;
      ctx.save();
      GeoSys.traceShape(ctx, view, this.shapes, row);
      ctx.lineJoin = "round";
      ctx.lineWidth = 4;
      ctx.strokeStyle = "rgba(255,255,255,.75)";
      ctx.stroke();
      ctx.lineWidth = 2;
      ctx.strokeStyle = this.swatch(row, "outcome").colour;
      if (this.get(row, "outcome") !== "hit") ctx.setLineDash([6, 3]);
      ctx.stroke();
      ctx.restore();
    },

    _drawChosen: function (ctx, view) {
      const chosen = this.chosen;
      if (!chosen) return;
      ctx.save();
      if (chosen.shapes.kinds[chosen.row] > 1) {
        GeoSys.traceShape(ctx, view, chosen.shapes, chosen.row);
        ctx.lineJoin = "round";
        for (const [width, colour] of [[7, "rgba(255,255,255,.9)"], [3.5, "#00A6D6"]]) {
          ctx.lineWidth = width;
          ctx.strokeStyle = colour;
          ctx.stroke();
        }
      }
      if (chosen.x !== null) {
        ctx.beginPath();
        ctx.arc(chosen.x * view.scale - view.dx, chosen.y * view.scale - view.dy, 15, 0, 2 * Math.PI);
        for (const [width, colour] of [[6, "rgba(255,255,255,.9)"], [3, "#00A6D6"]]) {
          ctx.lineWidth = width;
          ctx.strokeStyle = colour;
          ctx.stroke();
        }
      }
      ctx.restore();
    },

    /** Return the findings whose mark lies within `reach` (world) of a position, nearest mark first. */
    rowsAt: function (x, y, reach) {
      return this.views.get(GeoSys.time.day).stacks
        .map((stack) => [Math.hypot(stack.x - x, stack.y - y), stack])
        .filter((pair) => pair[0] <= reach)
        .sort((a, b) => a[0] - b[0])
        .reduce((rows, pair) => rows.concat(pair[1].rows), []);
    },
  };

  function badge(ctx, x, y, count) {
    const text = count > 99 ? "99+" : String(count);
    ctx.font = "bold 10px sans-serif";
    const half = Math.max(7, ctx.measureText(text).width / 2 + 4);
    ctx.fillStyle = "#1d2733";
    ctx.beginPath();
    ctx.ellipse(x, y, half, 7, 0, 0, 2 * Math.PI);
    ctx.fill();
    ctx.fillStyle = "#ffffff";
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillText(text, x, y + 0.5);
  }

  GeoSys.Findings = Findings;
})(window.GeoSys);
