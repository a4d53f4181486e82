/* The card of what was clicked or chosen: a finding with its clause and duties, or a row of a layer with its columns. */
"use strict";

(function (GeoSys) {
  const card = { items: [], at: 0 };

  /** Open the card on a list of items: { finding: row } or { layer, row }. */
  card.open = function (items, at) {
    card.items = items;
    card.at = at || 0;
    card.render();
  };

  card.close = function () {
    card.items = [];
    GeoSys.byId("card").hidden = true;
    choose(null);
  };

  card.render = function () {
    if (!card.items.length) return;
    const box = GeoSys.clear(GeoSys.byId("card"));
    const item = card.items[card.at];
    box.hidden = false;
    box.appendChild(head(item));
    const body = GeoSys.make("div", { class: "gs-card-body", attr: { tabindex: "0" } });
    (item.layer ? featureBody : findingBody)(body, item);
    box.appendChild(body);
    box.appendChild(foot(item));
    choose(item);
  };

  function head(item) {
    const bar = GeoSys.make("div", { class: "gs-card-head" });
    const what = item.layer ? item.layer.title() : GeoSys.say("findings");
    bar.appendChild(GeoSys.make("span", { class: "gs-card-kind", text: what }));
    if (card.items.length > 1) {
      bar.appendChild(step("previous", "‹", -1));
      bar.appendChild(GeoSys.make("span", { class: "gs-card-page", text: card.at + 1 + " / " + card.items.length }));
      bar.appendChild(step("next", "›", 1));
    }
    bar.appendChild(iconButton("close", "×", card.close));
    return bar;
  }

  function iconButton(word, sign, action) {
    const label = GeoSys.say(word);
    return GeoSys.make("button", { class: "gs-icon", text: sign, attr: { type: "button", "aria-label": label, title: label, "data-do": word }, on: { click: action } });
  }

  function step(word, sign, by) {
    return iconButton(word, sign, () => {
      card.at = (card.at + by + card.items.length) % card.items.length;
      card.render();
      const again = GeoSys.byId("card").querySelector('[data-do="' + word + '"]');
      if (again) again.focus();
    });
  }

  function findingBody(body, item) {
    const F = GeoSys.Findings;
    const row = item.finding;
    const chips = GeoSys.make("div", { class: "gs-chips" });
    chips.appendChild(GeoSys.findingSwatch(F.swatch(row, "status"), F.swatch(row, "outcome")));
    for (const column of ["outcome", "severity", "status"]) chips.appendChild(GeoSys.chip(F.swatch(row, column)));
    body.appendChild(chips);
    body.appendChild(GeoSys.make("h2", { text: F.name(row) }));
    body.appendChild(GeoSys.make("p", { class: "gs-rule", text: F.text(row, "rule_title") }));
    body.appendChild(GeoSys.make("p", { class: "gs-sentence", text: F.text(row, "sentence") }));
    const certainty = F.get(row, "certainty");
    if (certainty && certainty !== "confirmed") {
      const word = GeoSys.data().words.certainties[certainty];
      body.appendChild(GeoSys.make("p", { class: "gs-doubt", text: "⚠ " + GeoSys.say("certainty") + GeoSys.colon() + (word ? GeoSys.pick(word.title) : certainty) }));
    }
    const list = GeoSys.make("dl", {});
    line(list, "why", F.text(row, "why"));
    line(list, "basis", F.text(row, "basis") || GeoSys.say("noBasis"));
    line(list, "measure", GeoSys.quantity(F.get(row, "measure"), F.get(row, "unit")));
    // a rule that measures nothing has no threshold either, only a zero in its place
    if (F.get(row, "measure") !== null) line(list, "threshold", GeoSys.quantity(F.get(row, "threshold"), F.get(row, "unit")));
    line(list, "margin", GeoSys.quantity(F.get(row, "margin"), F.get(row, "margin_unit")));
    line(list, "lead", F.text(row, "lead") || F.get(row, "lead"));
    line(list, "support", F.get(row, "support_zh"));
    due(list, row);
    line(list, "action", F.text(row, "action"));
    if (GeoSys.time.day >= GeoSys.data().asOf) line(list, "nextStep", F.text(row, "next")); // of an earlier day nobody noted it
    line(list, "object", F.get(row, "object_name") || F.get(row, "object_id"));
    const seen = GeoSys.data().words.seen[F.get(row, "seen")];
    if (seen && F.get(row, "seen") !== "present") line(list, "seen", GeoSys.pick(seen.title));
    line(list, "code", F.get(row, "subject_id"));
    line(list, "caseId", F.get(row, "case_id"));
    line(list, "findingId", F.get(row, "finding_id"));
    line(list, "foundOn", F.get(row, "found_on"));
    body.appendChild(list);
    history(body, row);
    photos(body, row);
  }

  /** Add the steps of the case, the last one first. */
  function history(body, row) {
    const steps = GeoSys.Findings.steps(row);
    if (!steps.length) return;
    const list = GeoSys.make("ol", { class: "gs-steps" });
    for (const [day, status, note] of steps.slice().reverse()) {
      const word = GeoSys.data().words.statuses[status];
      list.appendChild(GeoSys.make("li", { class: day > GeoSys.time.day ? "gs-soft" : "" },
        GeoSys.make("time", { text: day }), GeoSys.make("b", { text: word ? GeoSys.pick(word.title) : status }), said(note)));
    }
    body.appendChild(GeoSys.make("h3", { text: GeoSys.say("history") }));
    body.appendChild(list);
  }

  /** Return the note of a step, which is a text or a [Chinese, English] pair. */
  function said(note) {
    const text = Array.isArray(note) ? GeoSys.pick(note) : note;
    return text ? GeoSys.make("span", { text }) : null;
  }

  /** Add the photos that came with the finding; the page holds them itself and fetches none. */
  function photos(body, row) {
    const F = GeoSys.Findings;
    if (!F.has("photos")) return;
    body.appendChild(GeoSys.make("h3", { text: GeoSys.say("photos") }));
    const pictures = GeoSys.data().findings.pictures;
    const shots = (F.get(row, "photos") || []).map(([at, caption]) => [pictures[at], caption])
      .filter(([source]) => /^data:image\/(png|jpeg|webp);base64,/.test(source));
    const rest = F.text(row, "photos_rest");
    if (!shots.length && !rest) body.appendChild(GeoSys.make("p", { class: "gs-soft", text: GeoSys.say("noPhoto") }));
    for (const [source, caption] of shots) {
      body.appendChild(GeoSys.make("figure", {}, GeoSys.make("img", { attr: { src: source, alt: caption || GeoSys.say("photos") } }), GeoSys.make("figcaption", { text: caption })));
    }
    if (rest) body.appendChild(GeoSys.make("p", { class: "gs-soft", text: rest }));
  }

  /** Add the due date, and by how many days it has passed while the case is still open. */
  function due(list, row) {
    const F = GeoSys.Findings;
    const day = F.get(row, "due_on");
    const late = day ? GeoSys.daysBetween(day, GeoSys.time.day) : 0;
    const value = line(list, "due", day);
    if (value && late > 0 && F.isOpen(row)) {
      value.appendChild(GeoSys.make("strong", { class: "gs-late", text: GeoSys.say("overdue", { n: GeoSys.count(late) }) }));
    }
  }

  function line(list, word, text) {
    if (text === null || text === undefined || text === "") return null;
    list.appendChild(GeoSys.make("dt", { text: GeoSys.say(word) }));
    return list.appendChild(GeoSys.make("dd", { text }));
  }

  function featureBody(body, item) {
    const { layer, row } = item;
    const swatch = layer.spec.classes[layer.classes()[row]];
    const chips = GeoSys.make("div", { class: "gs-chips" });
    chips.appendChild(GeoSys.layerSwatch(layer.spec.kind, layer.spec.style, swatch));
    chips.appendChild(GeoSys.make("span", { class: "gs-soft", text: swatch ? GeoSys.pick(swatch.title) : layer.title() }));
    body.appendChild(chips);
    body.appendChild(GeoSys.make("h2", { text: layer.name(row) }));
    const list = GeoSys.make("dl", {});
    layer.spec.columns.forEach((column, at) => {
      const value = layer.values[at](row);
      const title = column.codes[String(value)];
      list.appendChild(GeoSys.make("dt", { text: GeoSys.pick(column.title) }));
      const text = title ? GeoSys.pick(title) : GeoSys.quantity(value, column.unit);
      list.appendChild(GeoSys.make("dd", { text: text === "" ? "—" : text }));
    });
    body.appendChild(list);
  }

  function foot(item) {
    const bar = GeoSys.make("div", { class: "gs-card-foot" });
    if (place(item).bounds) bar.appendChild(GeoSys.button("zoomTo", "gs-button gs-primary", () => GeoSys.flyTo(item)));
    else bar.appendChild(GeoSys.make("span", { class: "gs-soft", text: GeoSys.say("noPlace") }));
    if (!item.layer) {
      for (const [word, side] of [["openSubject", "subject"], ["openObject", "object"]]) {
        const other = related(item.finding, side);
        if (other) bar.appendChild(GeoSys.button(word, "gs-button", () => GeoSys.flyTo(other, true)));
      }
    }
    return bar;
  }

  /** Return the row of a layer that a finding is about, or is related to. */
  function related(finding, side) {
    const F = GeoSys.Findings;
    const layer = (GeoSys.layers || []).find((l) => l.spec.id === F.get(finding, side + "_layer"));
    const row = layer ? layer.find(String(F.get(finding, side + "_id"))) : -1;
    return row < 0 ? null : { layer, row };
  }

  /** Return the shapes, row and Leaflet bounds of an item. */
  function place(item) {
    const shapes = item.layer ? item.layer.shapes() : GeoSys.Findings.shapes;
    const row = item.layer ? item.row : item.finding;
    return { shapes, row, bounds: GeoSys.boundsOf(shapes, row) };
  }

  /** Mark an item on the map, or nothing. */
  function choose(item) {
    const F = GeoSys.Findings;
    F.chosen = null;
    if (item && place(item).bounds) {
      const { shapes, row } = place(item);
      const anchors = item.layer ? shapes : F.anchors;
      const ringed = anchors.kinds[row] === 1;
      const at = GeoSys.firstOf(anchors, row);
      F.chosen = { shapes, row, x: ringed ? anchors.x[at] : null, y: ringed ? anchors.y[at] : null };
    }
    GeoSys.board(GeoSys.map, "marks").redraw();
    GeoSys.keepView();
  }

  /** Bring an item into view, switch its layer on where needed, and open its card. */
  GeoSys.flyTo = function (item, alone) {
    const { bounds } = place(item);
    if (item.layer && !GeoSys.map.hasLayer(item.layer)) {
      GeoSys.map.addLayer(item.layer);
      GeoSys.panels.layers();
    }
    if (bounds) {
      const least = Math.max(item.layer ? item.layer.spec.minZoom : 0, 15);
      const zoom = Math.min(GeoSys.map.getBoundsZoom(bounds.pad(0.4)), 16);
      const target = item.layer && zoom < item.layer.spec.minZoom ? least : zoom;
      GeoSys.map.setView(bounds.getCenter(), target, { animate: false });
    }
    GeoSys.closeDrawer();
    if (alone || card.items[card.at] !== item) card.open([item], 0);
    if (bounds) asideOfCard();
  };

  /** Move the map so that its centre is the centre of what the card leaves free. */
  function asideOfCard() {
    const box = GeoSys.byId("card");
    const below = box.offsetWidth > GeoSys.map.getSize().x * 0.8;
    GeoSys.map.panBy(below ? [0, box.offsetHeight / 2] : [box.offsetWidth / 2, 0], { animate: false });
  }

  GeoSys.card = card;
})(window.GeoSys);
