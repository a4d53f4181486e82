/* The agenda: what is lacking, key figures, and the items with what belongs to them. */
"use strict";

(function (GeoSys) {
  const make = GeoSys.make;

  function lacking(data) {
    if (!data.lacking.length) return null;
    const list = make("ul");
    for (const text of data.lacking) list.appendChild(GeoSys.text("li", "", text));
    return make("div", { class: "gs-lacking", attr: { role: "note" } }, make("h2", { text: GeoSys.say("lacking", { n: data.lacking.length }) }), list);
  }
  GeoSys.lacking = lacking;

  /** Make the tile of a figure: value, what it was, what it rests on. */
  function tile(figure) {
    const value = make("p", { class: "gs-value" }, GeoSys.text("b", "", figure.value, 24));
    if (GeoSys.pick(figure.unit)) value.appendChild(GeoSys.text("span", "gs-unit", figure.unit, 24));
    const box = make("li", { class: "gs-tile", attr: { "data-figure": figure.id, tabindex: "-1" } }, GeoSys.text("h3", "", figure.title, 60), value);
    const then = make("p", { class: "gs-then" });
    const before = GeoSys.pick(figure.before);
    const change = GeoSys.pick(figure.change);
    then.appendChild(make("bdi", { text: before ? GeoSys.say("before", { n: GeoSys.brief(before, 40) }) : GeoSys.say("noBefore") }));
    if (change) {
      const look = figure.worse === null ? "gs-same" : figure.worse ? "gs-worse" : "gs-better";
      const word = figure.worse === null ? "" : GeoSys.bracket(GeoSys.say(figure.worse ? "worse" : "better"));
      then.appendChild(make("bdi", { class: look, text: GeoSys.say("change", { n: GeoSys.brief(change, 40) }) + word }));
    }
    box.appendChild(then);
    if (GeoSys.pick(figure.told)) {
      box.appendChild(make("details", null, make("summary", { text: GeoSys.say("provenance") }), GeoSys.text("p", "", figure.told)));
    }
    return box;
  }

  /** Make the frame of a chart; its picture comes when it is unpacked. */
  function chart(number) {
    const data = GeoSys.data.charts[number];
    const title = GeoSys.brief(GeoSys.pick(data.title), 200);
    const place = make("div", { class: "gs-chart", attr: { role: "img", "aria-label": title, "data-chart": data.id } });
    GeoSys.drawChart(place, number);
    const values = make("details", null, make("summary", { text: GeoSys.say("chartValues") }));
    values.addEventListener("toggle", () => values.open && values.children.length < 2 && values.appendChild(GeoSys.table(data.table)), { once: true });
    return make("figure", { class: "gs-figure" }, place, values);
  }

  let pictures = null;
  /** Put a chart's picture into its place: shapes only, written and checked when the page was built. */
  GeoSys.drawChart = function (place, number) {
    pictures = pictures || GeoSys.unpack("charts").then(JSON.parse);
    return pictures.then((all) => {
      const parsed = new DOMParser().parseFromString(all[number][GeoSys.language], "image/svg+xml");
      if (parsed.querySelector("parsererror")) throw new Error("no picture");
      place.replaceChildren(document.importNode(parsed.documentElement, true));
    }).catch(() => place.replaceChildren(make("p", { class: "gs-soft", text: GeoSys.say("chartLost") })));
  };
  GeoSys.chartsDrawn = () => pictures || Promise.resolve();

  function links(word, entries) {
    if (!entries.length) return null;
    const box = make("div", { class: "gs-links" }, make("span", { class: "gs-soft", text: GeoSys.say(word) + GeoSys.colon() }));
    for (const [title, act] of entries) {
      box.appendChild(make("button", { class: "gs-ref", text: GeoSys.brief(GeoSys.pick(title), 60), attr: { type: "button" }, on: { click: act } }));
    }
    return box;
  }

  const among = (all, ids, key) => ids.map((id) => all.find((one) => one[key] === id)).filter(Boolean);

  function figuresOf(item) {
    return among(GeoSys.data.figures, item.figures, "id").map((figure) => {
      const title = GeoSys.pick(figure.title) + " " + GeoSys.pick(figure.value) + (GeoSys.pick(figure.unit) ? " " + GeoSys.pick(figure.unit) : "");
      return [title, () => GeoSys.go("agenda", "[data-figure]", "figure", figure.id)];
    });
  }

  function item(data, number, drawn) {
    const head = make("div", { class: "gs-item-head" }, make("span", { class: "gs-no", text: number + 1 }), GeoSys.text("h3", "gs-grow", data.title, 120));
    if (data.minutes) head.appendChild(make("span", { class: "gs-minutes", text: GeoSys.say("minutes", { n: GeoSys.count(data.minutes) }) }));
    const box = make("li", { class: "gs-item" }, head);
    if (GeoSys.pick(data.reporter)) {
      const who = GeoSys.text("p", "gs-soft", data.reporter);
      who.insertBefore(document.createTextNode(GeoSys.say("reporter") + GeoSys.colon()), who.firstChild);
      box.appendChild(who);
    }
    if (GeoSys.pick(data.text)) box.appendChild(GeoSys.text("p", "", data.text, 600));
    const tables = [GeoSys.data.changes, ...GeoSys.data.listings];
    const parts = [
      links("figuresOf", figuresOf(data)),
      links("issuesOf", among(GeoSys.data.issues, data.issues, "id").map((issue) => [issue.title, () => GeoSys.goIssue(issue.id)])),
      links("tablesOf", among(tables, data.listings, "id").map((one) => [one.title, () => GeoSys.go(one === GeoSys.data.changes ? "changes" : "tables", "[data-table]", "table", one.id)])),
      links("sheetsOf", among(GeoSys.data.sheets, data.sheets, "file").map((sheet) => [sheet.title, () => GeoSys.go("files", "[data-file]", "file", sheet.file)])),
    ];
    box.append(...parts.filter(Boolean));
    const charts = make("div", { class: "gs-charts" });
    GeoSys.data.charts.forEach((one, at) => {
      if (data.charts.includes(one.id) && !drawn.has(at)) drawn.add(at), charts.appendChild(chart(at));
    });
    if (charts.children.length) box.appendChild(charts);
    return box;
  }

  GeoSys.drawAgenda = function (panel) {
    const data = GeoSys.data;
    GeoSys.clear(panel);
    const missing = lacking(data);
    if (missing) panel.appendChild(missing);
    if (data.figures.length) {
      panel.append(make("h2", { text: GeoSys.say("figures") }), make("ul", { class: "gs-tiles" }, ...data.figures.map(tile)));
    }
    const minutes = data.items.reduce((sum, one) => sum + one.minutes, 0);
    const title = make("h2", { text: GeoSys.say("items") });
    if (minutes) title.appendChild(make("small", { text: GeoSys.say("total", { n: GeoSys.count(minutes) }) }));
    const drawn = new Set();
    panel.append(title, make("ol", { class: "gs-items" }, ...data.items.map((one, n) => item(one, n, drawn))));
    if (!data.items.length) panel.appendChild(make("p", { class: "gs-soft", text: GeoSys.say("noItems") }));
    const rest = data.charts.map((_, at) => at).filter((at) => !drawn.has(at));
    if (rest.length) panel.append(make("h2", { text: GeoSys.say("otherCharts") }), make("div", { class: "gs-charts" }, ...rest.map(chart)));
  };
})(window.GeoSys);
