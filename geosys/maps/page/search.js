/* Search by code or name over the findings and every layer: part of a word is enough, the keyboard is enough. */
"use strict";

(function (GeoSys) {
  const MOST = 40;
  let index = null;
  let results = [];
  let active = -1;

  /** Fold what people do not tell apart when typing: case, full width and half width. */
  const fold = (text) => String(text).normalize("NFKC").toLowerCase();

  let letters = null;

  /** Return the texts a name is abbreviated by, a character of several readings in each: 长河 gives "ch" and "zh". */
  function initials(name) {
    if (!letters) {
      letters = new Map();
      for (const [letter, characters] of Object.entries(GeoSys.data().initials)) {
        for (const character of characters) letters.set(character, (letters.get(character) || "") + letter);
      }
    }
    let all = [""];
    for (const character of String(name).slice(0, 40)) {
      const read = letters.get(character) || (/[a-z0-9]/i.test(character) ? character : "");
      if (read.length === 1) all = all.map((text) => text + read);
      else if (read && all.length < 8) all = all.flatMap((text) => Array.from(read, (letter) => text + letter));
      else if (read) all = all.map((text) => text + read[0]);
    }
    return all.join("\n");
  }

  /** Build the index when the search is first used: the findings, then the layers, the topmost first. */
  function build() {
    const F = GeoSys.Findings;
    index = F.ranked.map((row) => ({
      item: { finding: row },
      own: ["subject_name", "subject_id", "finding_id", "case_id"].map((column) => fold(F.get(row, column) || "")),
      text: ["subject_name", "subject_id", "object_name", "object_id", "finding_id", "case_id", "rule_title_zh", "rule_title_en"]
        .map((column) => F.get(row, column) || "").map(fold).join("\n"),
      short: fold([F.get(row, "subject_name"), F.get(row, "object_name")].map((name) => initials(name || "")).join("\n")),
    }));
    for (const layer of (GeoSys.layers || []).slice().reverse()) {
      const keys = layer.values.filter((_, at) => layer.spec.columns[at].key);
      for (let row = 0; row < layer.n; row++) {
        const words = [layer.name(row), layer.id(row)].concat(keys.map((value) => value(row) || "")).map(fold);
        index.push({ item: { layer, row }, own: words, text: words.join("\n"), short: fold(initials(layer.name(row))) });
      }
    }
  }

  /** Return how well an entry answers, null where it does not: named so, initials so, begins so, contains it, initials within. */
  function rankOf(entry, words) {
    const whole = words.join(" ");
    if (entry.own.includes(whole)) return 0;
    if (words.every((word) => entry.text.includes(word))) return entry.own.some((name) => name.startsWith(whole)) ? 2 : 3;
    if (!words.every((word) => entry.text.includes(word) || (word.length > 1 && entry.short.includes(word)))) return null;
    return entry.short.split("\n").includes(whole) ? 1 : 4;
  }

  function find(text) {
    if (!index) build();
    const words = fold(text).split(/\s+/).filter(Boolean);
    const ranks = [[], [], [], [], []];
    for (const entry of words.length ? index : []) {
      const rank = rankOf(entry, words);
      if (rank !== null) ranks[rank].push(entry.item);
    }
    const found = ranks.flat();
    return { found: found.slice(0, MOST), more: Math.max(0, found.length - MOST) };
  }

  function describe(item) {
    const F = GeoSys.Findings;
    if (item.layer) return [item.layer.name(item.row), item.layer.title() + " · " + item.layer.id(item.row)];
    return [F.name(item.finding), F.text(item.finding, "rule_title") + " · " + (F.get(item.finding, "subject_id") || "")];
  }

  function show() {
    const input = GeoSys.byId("query");
    const list = GeoSys.clear(GeoSys.byId("matches"));
    const text = input.value.trim();
    active = -1;
    results = [];
    list.hidden = !text;
    input.setAttribute("aria-expanded", String(Boolean(text)));
    input.removeAttribute("aria-activedescendant");
    if (!text) return;
    const { found, more } = find(text);
    results = found;
    found.forEach((item, at) => list.appendChild(option(item, at)));
    const note = !found.length ? GeoSys.say("noMatch") : more ? GeoSys.say("more", { n: GeoSys.count(more) }) : "";
    if (note) list.appendChild(GeoSys.make("li", { class: "gs-soft", text: note, attr: { role: "presentation" } }));
  }

  function option(item, at) {
    const [title, under] = describe(item);
    const F = GeoSys.Findings;
    const sign = item.layer
      ? GeoSys.layerSwatch(item.layer.spec.kind, item.layer.spec.style, item.layer.spec.classes[item.layer.classes()[item.row]])
      : GeoSys.findingSwatch(F.swatch(item.finding, "status"), F.swatch(item.finding, "outcome"));
    return GeoSys.make(
      "li",
      { attr: { role: "option", id: "gs-match-" + at, "aria-selected": "false" }, on: { mousedown: (event) => (event.preventDefault(), take(at)) } },
      sign,
      GeoSys.make("span", { class: "gs-two" }, GeoSys.make("b", { text: GeoSys.brief(title, 60) }), GeoSys.make("small", { text: GeoSys.brief(under, 80) })),
    );
  }

  function move(by) {
    if (!results.length) return;
    active = (active + by + results.length) % results.length;
    const list = GeoSys.byId("matches");
    Array.from(list.children).forEach((entry, at) => entry.setAttribute("aria-selected", String(at === active)));
    list.children[active].scrollIntoView({ block: "nearest" });
    GeoSys.byId("query").setAttribute("aria-activedescendant", "gs-match-" + active);
  }

  function take(at) {
    const item = results[at];
    if (!item) return;
    close();
    GeoSys.byId("query").blur();
    GeoSys.toCard(() => GeoSys.flyTo(item, true));
  }

  function close() {
    GeoSys.byId("matches").hidden = true;
    GeoSys.byId("query").setAttribute("aria-expanded", "false");
  }

  /** Listen to the search box; "/" jumps into it from anywhere. */
  GeoSys.startSearch = function () {
    const input = GeoSys.byId("query");
    input.addEventListener("input", show);
    input.addEventListener("focus", show);
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") move(1);
      else if (event.key === "ArrowUp") move(-1);
      else if (event.key === "Enter") take(active < 0 ? 0 : active);
      else if (event.key === "Escape") close();
      else return;
      event.preventDefault();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
      event.preventDefault();
      input.focus();
    });
  };
})(window.GeoSys);
