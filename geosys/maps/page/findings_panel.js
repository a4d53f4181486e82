/* The findings: filters that are the legend at the same time, and the list, worst first. */
"use strict";

(function (GeoSys) {
  GeoSys.panels = GeoSys.panels || {};
  const STEP = 100;
  const FOUND = ["hit", "near", "needs_review"];
  let listed = STEP;

  GeoSys.panels.findings = function () {
    const F = GeoSys.Findings;
    const box = GeoSys.clear(GeoSys.byId("findings"));
    const words = GeoSys.data().words;
    box.appendChild(heading("outcome", "outcomeHint"));
    const outcomes = F.counts("outcome");
    for (const word of FOUND) {
      box.appendChild(toggle("outcome", word, words.outcomes[word], outcomes[word] || 0, GeoSys.findingSwatch(words.statuses.found, words.outcomes[word])));
    }
    for (const word of ["not_assessed", "clear"]) box.appendChild(plain(words.outcomes[word], sum(word)));
    box.appendChild(heading("status", "statusHint"));
    const statuses = F.counts("status");
    const grid = GeoSys.make("div", { class: "gs-pairs" });
    for (const word of Object.keys(words.statuses)) {
      grid.appendChild(toggle("status", word, words.statuses[word], statuses[word] || 0, GeoSys.findingSwatch(words.statuses[word], { colour: "#4b5866" })));
    }
    box.appendChild(grid);
    box.appendChild(heading("severity"));
    const severities = F.counts("severity");
    const row = GeoSys.make("div", { class: "gs-pairs" });
    for (const word of Object.keys(words.severities)) {
      const bar = GeoSys.make("span", { class: "gs-bar" });
      bar.style.background = words.severities[word].colour;
      row.appendChild(toggle("severity", word, words.severities[word], severities[word] || 0, bar));
    }
    box.appendChild(row);
    box.appendChild(rulePicker());
    box.appendChild(list());
  };

  function heading(word, hint) {
    return GeoSys.make("h3", { text: GeoSys.say(word) }, hint ? GeoSys.make("small", { text: GeoSys.say(hint) }) : null);
  }

  /** Sum an outcome over the rules that pass the rule filter. */
  function sum(word) {
    const rule = GeoSys.Findings.filter.rule;
    return GeoSys.data().rules.reduce((total, row) => total + (!rule || row.rule === rule ? row[word] || 0 : 0), 0);
  }

  function toggle(column, word, swatch, count, sign) {
    const set = GeoSys.Findings.filter[column];
    const button = GeoSys.make("button",
      { class: "gs-toggle", attr: { type: "button", "aria-pressed": String(set.has(word)), "data-filter": column + ":" + word } },
      sign,
      GeoSys.make("span", { class: "gs-grow", text: GeoSys.pick(swatch.title) }),
      GeoSys.make("span", { class: "gs-count", text: GeoSys.count(count) }));
    if (set.size && !set.has(word)) button.classList.add("gs-off");
    button.addEventListener("click", () => {
      if (set.has(word)) set.delete(word);
      else set.add(word);
      GeoSys.applyFilter();
      const again = GeoSys.byId("findings").querySelector('[data-filter="' + column + ":" + word + '"]');
      if (again) again.focus();
    });
    return button;
  }

  /** Make the line of an outcome that has no marks: it is counted, and said to be so. */
  function plain(swatch, count) {
    const box = GeoSys.make("span", { class: "gs-box" });
    box.style.background = swatch.colour;
    return GeoSys.make("div", { class: "gs-toggle gs-plain", attr: { title: GeoSys.say("notOnMap") } }, box,
      GeoSys.make("span", { class: "gs-grow", text: GeoSys.pick(swatch.title) }),
      GeoSys.make("span", { class: "gs-count", text: GeoSys.count(count) }));
  }

  function rulePicker() {
    const F = GeoSys.Findings;
    const counts = F.counts("rule");
    const select = GeoSys.make("select", { attr: { id: "gs-rule", "aria-label": GeoSys.say("rule") } });
    select.appendChild(GeoSys.make("option", { text: GeoSys.say("allRules"), attr: { value: "" } }));
    for (const row of GeoSys.data().rules) {
      const title = GeoSys.pick([row.rule_title_zh, row.rule_title_en]);
      select.appendChild(GeoSys.make("option", { text: title + GeoSys.bracket(GeoSys.count(counts[row.rule] || 0)), attr: { value: row.rule } }));
    }
    select.value = F.filter.rule;
    select.addEventListener("change", () => GeoSys.filterByRule(select.value));
    return GeoSys.make("div", {}, heading("rule"), select);
  }

  function list() {
    const F = GeoSys.Findings;
    const box = GeoSys.make("div", { class: "gs-list" });
    const head = GeoSys.make("div", { class: "gs-row gs-list-head" },
      GeoSys.make("span", { class: "gs-grow", text: GeoSys.say("shown", { n: GeoSys.count(F.visible.length), all: GeoSys.count(F.n) }), attr: { "aria-live": "polite", id: "gs-shown" } }));
    if (isFiltered()) head.appendChild(GeoSys.button("reset", "gs-link", reset));
    box.appendChild(head);
    for (const row of F.visible.slice(0, listed)) box.appendChild(item(row));
    if (!F.visible.length) box.appendChild(GeoSys.make("p", { class: "gs-soft", text: GeoSys.say("noFinding") }));
    const rest = F.visible.length - listed;
    if (rest > 0) {
      box.appendChild(GeoSys.make("button", {
        class: "gs-button gs-wide", text: GeoSys.say("listMore", { n: Math.min(STEP, rest) }), attr: { type: "button" },
        on: { click: () => ((listed += STEP), GeoSys.panels.findings()) },
      }));
    }
    return box;
  }

  function item(row) {
    const F = GeoSys.Findings;
    return GeoSys.make("button", { class: "gs-item", attr: { type: "button" }, on: { click: () => GeoSys.flyTo({ finding: row }, true) } },
      GeoSys.findingSwatch(F.swatch(row, "status"), F.swatch(row, "outcome")),
      GeoSys.make("span", { class: "gs-two" },
        GeoSys.make("b", { text: GeoSys.brief(F.name(row), 60) }),
        GeoSys.make("small", { text: GeoSys.brief(F.text(row, "rule_title"), 80) })),
      GeoSys.make("span", { class: "gs-when", text: F.get(row, "due_on") || "" }));
  }

  function isFiltered() {
    const filter = GeoSys.Findings.filter;
    return Boolean(filter.rule || filter.outcome.size || filter.status.size || filter.severity.size);
  }

  function reset() {
    const filter = GeoSys.Findings.filter;
    filter.rule = "";
    for (const column of ["outcome", "status", "severity"]) filter[column].clear();
    GeoSys.applyFilter();
  }

  /** Show the findings of one rule only; of all rules for an empty text. */
  GeoSys.filterByRule = function (rule) {
    GeoSys.Findings.filter.rule = rule;
    GeoSys.applyFilter();
  };

  GeoSys.applyFilter = function () {
    listed = STEP;
    GeoSys.Findings.update();
    GeoSys.board(GeoSys.map, "marks").redraw();
    GeoSys.panels.findings();
    GeoSys.panels.legend();
  };
})(window.GeoSys);
