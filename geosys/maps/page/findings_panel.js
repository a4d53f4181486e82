/* The findings: filters that are the legend at the same time, and the list, worst first. */
"use strict";

(function (GeoSys) {
  GeoSys.panels = GeoSys.panels || {};
  const STEP = 100;
  const FOUND = ["hit", "near", "needs_review"];
  const TEXTS = ["rule", "lead", "area", "due", "from", "to"];
  const SETS = ["outcome", "status", "severity"];
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
    const apart = GeoSys.make("div", { class: "gs-apart" });
    for (const word of ["not_assessed", "clear"]) apart.appendChild(plain(words.outcomes[word], GeoSys.ruleSum(word), word));
    box.appendChild(apart);
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
    box.appendChild(GeoSys.filterLists());
    box.appendChild(list());
  };

  function heading(word, hint) {
    return GeoSys.make("h3", { text: GeoSys.say(word) }, hint ? GeoSys.make("small", { text: GeoSys.say(hint) }) : null);
  }

  /** Write an outcome's count over the rules that pass the rule filter; of an earlier day nobody knows it. */
  GeoSys.ruleSum = function (word) {
    if (GeoSys.time.now() < GeoSys.data().asOf) return "—";
    const rule = GeoSys.Findings.filter.rule;
    return GeoSys.count(GeoSys.data().rules.reduce((total, row) => total + (!rule || row.rule === rule ? row[word] || 0 : 0), 0));
  };

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
  function plain(swatch, count, word) {
    const box = GeoSys.outcomeBox(word);
    return GeoSys.make("div", { class: "gs-toggle gs-plain", attr: { title: GeoSys.say("notOnMap") } }, box,
      GeoSys.make("span", { class: "gs-grow", text: GeoSys.pick(swatch.title) }),
      GeoSys.make("span", { class: "gs-count", text: count }));
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
    return GeoSys.make("button", { class: "gs-item", attr: { type: "button" }, on: { click: (event) => (event.detail ? GeoSys.flyTo({ finding: row }, true) : GeoSys.toCard(() => GeoSys.flyTo({ finding: row }, true))) } },
      GeoSys.findingSwatch(F.swatch(row, "status"), F.swatch(row, "outcome")),
      GeoSys.make("span", { class: "gs-two" },
        GeoSys.make("b", { text: GeoSys.brief(F.name(row), 60) }),
        GeoSys.make("small", { text: GeoSys.brief(F.text(row, "rule_title"), 80) })),
      GeoSys.make("span", { class: "gs-when" + (F.isDue(row, "overdue") ? " gs-late" : ""), text: F.get(row, "due_on") || "" }));
  }

  function isFiltered() {
    const filter = GeoSys.Findings.filter;
    return TEXTS.some((name) => filter[name]) || SETS.some((name) => filter[name].size);
  }

  function reset() {
    const filter = GeoSys.Findings.filter;
    for (const name of TEXTS) filter[name] = "";
    for (const name of SETS) filter[name].clear();
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
    GeoSys.byId("said").textContent = GeoSys.byId("shown").textContent;
    GeoSys.keepView();
  };
})(window.GeoSys);
