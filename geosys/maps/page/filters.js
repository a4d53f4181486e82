/* The filters that are lists: rule, office, county and township, deadline; each says how many findings it would leave. */
"use strict";

(function (GeoSys) {
  const DUE = ["overdue", "next30", "range", "none"];

  /** Make a list to choose from: `options` are [value, text], or { title, options } for a group. */
  function picker(name, label, all, options) {
    const F = GeoSys.Findings;
    const select = GeoSys.make("select", { attr: { id: "gs-" + name } });
    const add = (box, [value, text]) => box.appendChild(GeoSys.make("option", { text: GeoSys.brief(text, 60), attr: { value } }));
    add(select, ["", GeoSys.say(all)]);
    for (const option of options) {
      if (Array.isArray(option)) add(select, option);
      else option.options.forEach((inner) => add(select.appendChild(GeoSys.make("optgroup", { attr: { label: option.title } })), inner));
    }
    select.value = F.filter[name];
    select.addEventListener("change", () => {
      F.filter[name] = select.value;
      GeoSys.applyFilter();
      GeoSys.byId(name).focus();
    });
    return GeoSys.make("label", { class: "gs-pick" }, GeoSys.make("span", { text: GeoSys.say(label) }), select);
  }

  const counted = (text, n) => text + GeoSys.bracket(GeoSys.count(n || 0));

  function rules() {
    const counts = GeoSys.Findings.counts("rule");
    return GeoSys.data().rules.map((row) => [row.rule, counted(GeoSys.pick([row.rule_title_zh, row.rule_title_en]), counts[row.rule])]);
  }

  function leads() {
    const F = GeoSys.Findings;
    const counts = F.counts("lead");
    const titles = new Map();
    for (const row of F.ranked) if (F.get(row, "lead")) titles.set(F.get(row, "lead"), F.text(row, "lead") || F.get(row, "lead"));
    return Array.from(titles, ([lead, title]) => [lead, counted(title, counts[lead])]);
  }

  function areas() {
    const F = GeoSys.Findings;
    const passing = new Set(F.ranked.filter((row) => F.passes(row, "area")));
    return GeoSys.data().areas.map((packed) => {
      const layer = GeoSys.layers[packed.layer];
      const options = [];
      for (let row = 0; row < layer.n; row++) {
        const key = layer.spec.id + "/" + layer.id(row);
        let n = 0;
        for (const finding of F.areas.get(key)) n += passing.has(finding);
        options.push([key, counted(layer.name(row), n)]);
      }
      return { title: layer.title(), options };
    });
  }

  function dues() {
    const F = GeoSys.Findings;
    const passing = F.ranked.filter((row) => F.passes(row, "due"));
    return DUE.map((due) => [due, due === "range" ? GeoSys.say("due_range") : counted(GeoSys.say("due_" + due), passing.filter((row) => F.isDue(row, due)).length)]);
  }

  function dayInput(name) {
    const F = GeoSys.Findings;
    const input = GeoSys.make("input", { attr: { type: "date", id: "gs-" + name, max: "9999-12-31" } });
    input.value = F.filter[name];
    input.addEventListener("change", () => {
      F.filter[name] = GeoSys.permalink.isDay(input.value) ? input.value : "";
      GeoSys.applyFilter();
      GeoSys.byId(name).focus();
    });
    return GeoSys.make("label", { class: "gs-pick" }, GeoSys.make("span", { text: GeoSys.say(name) }), input);
  }

  /** Make the box with all lists; lists with nothing to choose are left out. */
  GeoSys.filterLists = function () {
    const box = GeoSys.make("div", { class: "gs-picks" }, picker("rule", "rule", "allRules", rules()));
    const offices = leads();
    if (offices.length) box.appendChild(picker("lead", "leadOffice", "allOffices", offices));
    const places = areas().filter((group) => group.options.length);
    if (places.length) box.appendChild(picker("area", "area_filter", "allAreas", places));
    box.appendChild(picker("due", "due", "anyDue", dues()));
    if (GeoSys.Findings.filter.due === "range") box.appendChild(GeoSys.make("div", { class: "gs-pairs" }, dayInput("from"), dayInput("to")));
    return box;
  };
})(window.GeoSys);
