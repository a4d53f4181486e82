/* A table that sorts, filters, turns pages and is copied. Only one page of rows stands in the document at a time. */
"use strict";

(function (GeoSys) {
  const PAGE = 100;
  const FEW = 8; // tables of so few rows need no filter
  const LONG = 90; // letters of a cell before it is shortened
  const MOST_WORDS = 200; // of a column that is filtered by choosing
  const states = new WeakMap(); // the view of each table outlives a change of language

  const fold = (text) => text.normalize("NFKC").toLowerCase();
  const keyOf = (value) => (value === null ? "" : JSON.stringify(value));
  const titleOf = (column) => GeoSys.pick(column.title) + (GeoSys.pick(column.unit) ? GeoSys.bracket(GeoSys.pick(column.unit)) : "");

  function stateOf(spec, group) {
    if (!states.has(spec)) states.set(spec, { query: "", picks: new Map(), sort: -1, down: false, page: 0, group, texts: null, spoken: -1 });
    const state = states.get(spec);
    if (state.spoken !== GeoSys.language) Object.assign(state, { texts: null, spoken: GeoSys.language });
    return state;
  }

  /** Return the numbers of the rows that fit, in order. */
  function chosen(spec, state) {
    const { columns, rows } = spec;
    state.texts = state.texts || rows.map((row) => fold(columns.map((column, at) => GeoSys.shown(row[at], column)).join("\n")));
    const query = fold(state.query.trim());
    let numbers = [];
    for (let n = 0; n < rows.length; n++) {
      if (query && !state.texts[n].includes(query)) continue;
      let fits = true;
      for (const [at, key] of state.picks) fits = fits && keyOf(rows[n][at]) === key;
      if (fits) numbers.push(n);
    }
    if (state.sort >= 0) numbers = GeoSys.sorted(numbers, rows, state.sort, columns[state.sort], state.down);
    if (state.group < 0) return numbers;
    const first = new Map();
    for (const row of rows) if (!first.has(keyOf(row[state.group]))) first.set(keyOf(row[state.group]), first.size);
    const place = new Map(numbers.map((n, at) => [n, at]));
    return numbers.sort((a, b) => first.get(keyOf(rows[a][state.group])) - first.get(keyOf(rows[b][state.group])) || place.get(a) - place.get(b));
  }

  /** Return rows as text that a workbook takes in; what would become a formula there stays a text. */
  GeoSys.asTable = function (spec, numbers) {
    const one = (value, column) => {
      if (typeof value === "number") return String(value);
      const text = GeoSys.shown(value, column).replace(/[\t\r\n]+/g, " ");
      return /^\s*[=+\-@]/.test(text) ? "'" + text : text;
    };
    const head = spec.columns.map((column) => one(titleOf(column), column));
    return [head, ...numbers.map((n) => spec.columns.map((column, at) => one(spec.rows[n][at], column)))].map((line) => line.join("\t")).join("\n") + "\n";
  };

  function filters(spec, state, update) {
    const box = GeoSys.make("div", { class: "gs-filters" });
    if (spec.rows.length <= FEW) return box;
    const query = GeoSys.make("input", {
      attr: { type: "search", placeholder: GeoSys.say("filterHint"), "aria-label": GeoSys.say("filter"), autocomplete: "off", spellcheck: "false" },
      on: { input: () => ((state.query = query.value), (state.page = 0), update()) },
    });
    query.value = state.query;
    box.appendChild(query);
    const picks = [];
    spec.columns.forEach((column, at) => {
      if (column.kind !== "word") return;
      const counts = new Map();
      for (const row of spec.rows) counts.set(keyOf(row[at]), (counts.get(keyOf(row[at])) || [row[at], 0]).map((v, i) => (i ? v + 1 : v)));
      const title = GeoSys.brief(GeoSys.pick(column.title), 30);
      const select = GeoSys.make("select", { attr: { "aria-label": title } });
      select.appendChild(GeoSys.make("option", { text: GeoSys.say("anyOf", { n: title }), attr: { value: "\u0001" } }));
      for (const [key, [value, count]] of Array.from(counts).slice(0, MOST_WORDS)) {
        const text = GeoSys.brief(GeoSys.shown(value, column) || GeoSys.say("empty"), 40);
        select.appendChild(GeoSys.make("option", { text: text + GeoSys.bracket(GeoSys.count(count)), attr: { value: key } }));
      }
      select.value = state.picks.has(at) ? state.picks.get(at) : "\u0001";
      select.addEventListener("change", () => {
        if (select.value === "\u0001") state.picks.delete(at);
        else state.picks.set(at, select.value);
        state.page = 0;
        update();
      });
      picks.push(select);
      box.appendChild(select);
    });
    box.appendChild(
      GeoSys.button("clear", "gs-button", () => {
        state.query = query.value = "";
        state.picks.clear();
        for (const select of picks) select.value = "\u0001";
        state.page = 0;
        update();
      }),
    );
    return box;
  }

  function headOf(spec, state, update) {
    const line = GeoSys.make("tr");
    spec.columns.forEach((column, at) => {
      const sort = GeoSys.make("button", { class: "gs-sort", attr: { type: "button", title: GeoSys.say("sortBy"), "data-column": column.id } });
      sort.append(GeoSys.make("bdi", { text: GeoSys.brief(titleOf(column), 40), attr: { title: titleOf(column).slice(0, 600) } }), GeoSys.make("span", { class: "gs-arrow", attr: { "aria-hidden": "true" } }));
      const cell = GeoSys.make("th", { class: column.kind === "number" ? "gs-right" : "", attr: { scope: "col", "aria-sort": "none" } }, sort);
      sort.addEventListener("click", () => {
        // up, down, as it came
        if (state.sort !== at) (state.sort = at), (state.down = false);
        else if (!state.down) state.down = true;
        else (state.sort = -1), (state.down = false);
        state.page = 0;
        update();
      });
      line.appendChild(cell);
    });
    return line;
  }

  function lineOf(spec, n) {
    const line = GeoSys.make("tr");
    spec.columns.forEach((column, at) => {
      const value = spec.rows[n][at];
      const cell = GeoSys.make("td", { class: column.kind === "number" ? "gs-right" : column.kind === "date" ? "gs-date" : "" });
      cell.appendChild(GeoSys.text("span", "", GeoSys.shown(value, column), LONG));
      line.appendChild(cell);
    });
    return line;
  }

  /** Make a table; `group`: the column that its rows stand together by, -1 for none. */
  GeoSys.table = function (spec, group = -1) {
    const state = stateOf(spec, group);
    const rowsBox = GeoSys.make("tbody");
    const count = GeoSys.make("p", { class: "gs-count", attr: { role: "status" } });
    const pager = GeoSys.make("div", { class: "gs-pager" });
    const head = headOf(spec, state, update);
    let numbers = [];

    function turn(step) {
      state.page += step;
      page();
      scroller.scrollTop = 0;
    }
    function page() {
      const pages = Math.max(1, Math.ceil(numbers.length / PAGE));
      state.page = Math.max(0, Math.min(state.page, pages - 1));
      GeoSys.clear(rowsBox);
      let last = null;
      for (const n of numbers.slice(state.page * PAGE, (state.page + 1) * PAGE)) {
        const key = state.group < 0 ? null : keyOf(spec.rows[n][state.group]);
        if (key !== last) {
          const title = GeoSys.shown(spec.rows[n][state.group], spec.columns[state.group]) || GeoSys.say("empty");
          const many = numbers.filter((m) => keyOf(spec.rows[m][state.group]) === key).length;
          const cell = GeoSys.make("th", { attr: { colspan: spec.columns.length, scope: "colgroup" } });
          cell.append(GeoSys.make("bdi", { text: GeoSys.brief(title, LONG) }), GeoSys.make("small", { text: GeoSys.say("rowsOf", { n: GeoSys.count(many) }) }));
          rowsBox.appendChild(GeoSys.make("tr", { class: "gs-group" }, cell));
          last = key;
        }
        rowsBox.appendChild(lineOf(spec, n));
      }
      if (!numbers.length) {
        const cell = GeoSys.make("td", { class: "gs-soft", text: GeoSys.say(spec.rows.length ? "noRows" : "emptyTable"), attr: { colspan: spec.columns.length } });
        rowsBox.appendChild(GeoSys.make("tr", null, cell));
      }
      GeoSys.clear(pager).hidden = pages < 2;
      const back = GeoSys.button("previous", "gs-button gs-back", () => turn(-1));
      const on = GeoSys.button("next", "gs-button gs-on", () => turn(1));
      back.disabled = state.page === 0;
      on.disabled = state.page === pages - 1;
      pager.append(back, GeoSys.make("span", { text: GeoSys.say("page", { n: GeoSys.count(state.page + 1), all: GeoSys.count(pages) }) }), on);
    }
    function update() {
      numbers = chosen(spec, state);
      Array.from(head.children).forEach((cell, at) => {
        const sorted = state.sort === at;
        cell.setAttribute("aria-sort", sorted ? (state.down ? "descending" : "ascending") : "none");
        cell.querySelector(".gs-arrow").textContent = sorted ? (state.down ? "▼" : "▲") : "↕";
      });
      const held = spec.total > spec.rows.length ? " · " + GeoSys.say("held", { n: GeoSys.count(spec.rows.length), all: GeoSys.count(spec.total) }) : "";
      count.textContent = GeoSys.say("shown", { n: GeoSys.count(numbers.length), all: GeoSys.count(spec.total) }) + held;
      page();
    }
    const copy = GeoSys.button("copyRows", "gs-button gs-copy", () =>
      GeoSys.copy(GeoSys.asTable(spec, numbers), GeoSys.say("copiedRows", { n: GeoSys.count(numbers.length) })),
    );
    const label = GeoSys.brief(GeoSys.pick(spec.title), 60);
    const drawn = GeoSys.make("table", null, GeoSys.make("thead", null, head), rowsBox);
    const scroller = GeoSys.make("div", { class: "gs-scroll", attr: { tabindex: "0", role: "region", "aria-label": label } }, drawn);
    const bar = GeoSys.make("div", { class: "gs-bar" }, count, copy);
    const whole = GeoSys.make("div", { class: "gs-table", attr: { "data-table": spec.id } }, filters(spec, state, update), bar, scroller, pager);
    update();
    if (GeoSys.pick(spec.note)) whole.appendChild(GeoSys.text("p", "gs-soft", spec.note));
    return whole;
  };
})(window.GeoSys);
