/* The rules' outcomes, what was not assessed and why; where the data came from; the short legend on the map. */
"use strict";

(function (GeoSys) {
  GeoSys.panels = GeoSys.panels || {};
  const COLUMNS = ["hit", "near", "needs_review", "not_assessed", "clear"];

  GeoSys.panels.rules = function () {
    const box = GeoSys.clear(GeoSys.byId("rules"));
    const words = GeoSys.data().words.outcomes;
    box.appendChild(GeoSys.make("p", { class: "gs-soft", text: GeoSys.say("rulesIntro") }));
    const table = GeoSys.make("table", {});
    const head = GeoSys.make("tr", {});
    for (const word of COLUMNS) {
      // only the first word of a title: its explanation in brackets would not fit a narrow column
      const cell = GeoSys.make("th", { text: GeoSys.pick(words[word].title).split(/[（(]/)[0].trim(), attr: { scope: "col" } });
      cell.style.setProperty("--chip", words[word].colour);
      head.appendChild(cell);
    }
    table.appendChild(GeoSys.make("thead", {}, head));
    const rules = GeoSys.data().rules;
    const totals = {};
    for (const word of COLUMNS) totals[word] = rules.reduce((sum, row) => sum + (row[word] || 0), 0);
    table.appendChild(group(null, totals));
    for (const row of rules) table.appendChild(group(row, row));
    box.appendChild(table);
  };

  /** Make the two or three table rows of a rule: its title, its counts, why something was not assessed. */
  function group(rule, counts) {
    const body = GeoSys.make("tbody", {});
    const title = rule ? GeoSys.pick([rule.rule_title_zh, rule.rule_title_en]) : GeoSys.say("total");
    const cell = GeoSys.make("th", { attr: { colspan: COLUMNS.length, scope: "rowgroup" } });
    if (rule) {
      const go = () => (GeoSys.filterByRule(rule.rule), GeoSys.showTab("findings"));
      cell.appendChild(GeoSys.make("button", { class: "gs-link", text: title, attr: { type: "button" }, on: { click: go } }));
    } else {
      cell.textContent = title;
    }
    body.appendChild(GeoSys.make("tr", {}, cell));
    const row = GeoSys.make("tr", {});
    for (const word of COLUMNS) {
      const n = counts[word] || 0;
      row.appendChild(GeoSys.make("td", { text: GeoSys.count(n), class: n ? "gs-" + word : "gs-none" }));
    }
    body.appendChild(row);
    const why = rule ? GeoSys.pick([rule.why_zh || "", rule.why_en || ""]) : "";
    if (why) {
      const note = GeoSys.make("td", { class: "gs-why", text: GeoSys.say("notAssessedWhy") + GeoSys.colon() + why, attr: { colspan: COLUMNS.length } });
      body.appendChild(GeoSys.make("tr", {}, note));
    }
    return body;
  }

  GeoSys.panels.notes = function () {
    const data = GeoSys.data();
    const box = GeoSys.clear(GeoSys.byId("notes"));
    box.appendChild(GeoSys.make("h3", { text: GeoSys.say("about") }));
    const list = GeoSys.make("dl", {});
    for (const [word, text] of [["asOf", data.asOf], ["program", data.program], ["rulesVersion", data.rulesVersion]]) {
      if (!text) continue;
      list.appendChild(GeoSys.make("dt", { text: GeoSys.say(word) }));
      list.appendChild(GeoSys.make("dd", { text }));
    }
    box.appendChild(list);
    for (const pair of [data.mark, data.notice, data.approval, data.disclaimer]) {
      if (pair) box.appendChild(GeoSys.make("p", { text: GeoSys.pick(pair) }));
    }
    box.appendChild(GeoSys.make("p", { class: "gs-soft", text: GeoSys.say("datum") }));
    box.appendChild(GeoSys.make("p", { class: "gs-soft", text: GeoSys.say("software") }));
    box.appendChild(GeoSys.make("h3", { text: GeoSys.say("layerVersions") }));
    for (const layer of (GeoSys.layers || []).slice().reverse()) {
      const rows = layer.n ? GeoSys.say("rows", { n: GeoSys.count(layer.n) }) : GeoSys.say("absent");
      const version = layer.spec.version ? " · " + GeoSys.say("version") + " " + layer.spec.version : "";
      box.appendChild(
        GeoSys.make("div", { class: "gs-source" },
          GeoSys.make("b", { text: layer.title() }),
          GeoSys.make("span", { class: "gs-soft", text: rows + version }),
          layer.spec.delivered ? GeoSys.make("span", { class: "gs-soft", text: GeoSys.say("delivered") + GeoSys.colon() + layer.spec.delivered }) : null),
      );
    }
  };

  /** Fill the short legend: outcomes with counts, for when the side panel is closed and for paper. */
  GeoSys.panels.legend = function () {
    const F = GeoSys.Findings;
    const { outcomes, statuses } = GeoSys.data().words;
    const box = GeoSys.clear(GeoSys.byId("legend"));
    const counts = F.counts("outcome");
    const line = GeoSys.make("div", { class: "gs-legend-line" });
    for (const word of ["hit", "near", "needs_review"]) {
      line.appendChild(key(GeoSys.findingSwatch(statuses.found, outcomes[word]), outcomes[word], counts[word] || 0));
    }
    box.appendChild(line);
    // what was not assessed, and what is clear, stands apart: neither has a mark on the map
    const apart = GeoSys.make("div", { class: "gs-legend-line gs-apart" });
    for (const word of ["not_assessed", "clear"]) apart.appendChild(key(GeoSys.outcomeBox(word), outcomes[word], GeoSys.ruleSum(word)));
    apart.appendChild(GeoSys.make("span", { class: "gs-soft", text: GeoSys.say("notOnMap") }));
    box.appendChild(apart);
    const shapes = GeoSys.make("div", { class: "gs-legend-line gs-legend-status" });
    const states = F.counts("status");
    for (const word of Object.keys(statuses)) {
      shapes.appendChild(key(GeoSys.findingSwatch(statuses[word], { colour: "#4b5866" }), statuses[word], states[word] || 0));
    }
    box.appendChild(shapes);
    if (document.body.classList.contains("gs-printing")) box.appendChild(shownLayers());
  };

  /** Make the legend of what the view holds, by layer and class: paper has no side panel. */
  function shownLayers() {
    const view = GeoSys.board(GeoSys.map, "layers").view();
    const box = GeoSys.make("div", { class: "gs-legend-layers" }, GeoSys.make("p", { class: "gs-soft", text: GeoSys.say("inView") }));
    for (const layer of (GeoSys.layers || []).slice().reverse()) {
      if (!layer.n || !GeoSys.map.hasLayer(layer) || !layer.isDrawnAt(view.zoom)) continue;
      const { kind, style, classes } = layer.spec;
      const shapes = layer.shapes();
      const seen = (row) => shapes.kinds[row] && GeoSys.inView(view, shapes, row, 0);
      const present = GeoSys.classCounts(layer, seen);
      let n = 0;
      for (let row = 0; row < layer.n; row++) n += layer.exists(row) && seen(row) ? 1 : 0;
      if (!n) continue;
      const line = GeoSys.make("div", { class: "gs-legend-line" });
      line.appendChild(key(present.length ? null : GeoSys.layerSwatch(kind, style, null), { title: layer.spec.title }, n));
      for (const [number, count] of present) {
        line.appendChild(key(GeoSys.layerSwatch(kind, style, classes[number]), classes[number] || { title: [GeoSys.say("otherClass")] }, count));
      }
      box.appendChild(line);
    }
    return box;
  }

  /** Make the sign of an outcome without marks; what was not assessed is hatched, so that it never looks like a result. */
  GeoSys.outcomeBox = function (word) {
    const sign = GeoSys.make("span", { class: "gs-box gs-box-" + word });
    sign.style.setProperty("--chip", GeoSys.data().words.outcomes[word].colour);
    return sign;
  };

  function key(sign, swatch, count) {
    const title = GeoSys.pick(swatch.title).split(/[（(]/)[0].trim();
    return GeoSys.make("span", { class: "gs-key" }, sign, GeoSys.make("span", { text: title }), GeoSys.make("b", { text: typeof count === "number" ? GeoSys.count(count) : count }));
  }
})(window.GeoSys);
