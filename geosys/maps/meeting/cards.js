/* The issues: one card each, with picture, facts, sentence, clause, history, next step and photos. */
"use strict";

(function (GeoSys) {
  const make = GeoSys.make;
  const filter = { query: "", severity: "", status: "" };
  const fold = (text) => text.normalize("NFKC").toLowerCase();

  function block(word, className, content) {
    return make("div", { class: className }, make("h4", { text: GeoSys.say(word) }), content);
  }

  function picture(address, label, className) {
    return make("img", { class: className, attr: { src: address, alt: label, decoding: "async" } });
  }

  function history(issue) {
    const list = make("ol", { class: "gs-steps" });
    for (const [day, state, note] of issue.history) {
      const step = make("li", null, make("time", { text: day, attr: { datetime: day } }), GeoSys.text("b", "", state, 60));
      if (GeoSys.pick(note)) step.appendChild(GeoSys.text("span", "", note));
      list.appendChild(step);
    }
    return list;
  }

  function photos(issue) {
    const box = make("div", { class: "gs-photos" });
    for (const [address, caption] of issue.photos) {
      const label = GeoSys.say("photoOf", { n: GeoSys.brief(GeoSys.pick(caption), 80) });
      box.appendChild(make("figure", null, picture(address, label, ""), GeoSys.text("figcaption", "", caption, 120)));
    }
    return box;
  }

  function card(issue, number) {
    const title = GeoSys.brief(GeoSys.pick(issue.title), 120);
    const chips = make("span", { class: "gs-chips" }, GeoSys.wordChip("severities", issue.severity), GeoSys.wordChip("statuses", issue.status));
    const head = make("div", { class: "gs-card-head" }, make("span", { class: "gs-no", text: number + 1 }), GeoSys.text("h3", "gs-grow", issue.title, 120), chips);
    const facts = make("dl");
    for (const [name, value] of issue.facts) facts.append(GeoSys.text("dt", "", name, 40), GeoSys.text("dd", "", value));
    const left = make("div", { class: "gs-look" });
    if (issue.picture) left.appendChild(picture(issue.picture, GeoSys.say("pictureOf", { n: title }), "gs-plate"));
    if (issue.place && GeoSys.data.hasMap) left.appendChild(GeoSys.button("showOnMap", "gs-button gs-primary gs-wide", () => GeoSys.showPlace(issue.place)));
    const right = make("div", { class: "gs-words" }, GeoSys.text("p", "gs-sentence", issue.sentence, 400), facts);
    if (GeoSys.pick(issue.clause)) right.appendChild(block("clause", "", GeoSys.text("p", "", issue.clause)));
    if (GeoSys.pick(issue.next)) right.appendChild(block("nextStep", "gs-next", GeoSys.text("p", "", issue.next)));
    if (issue.history.length) right.appendChild(block("history", "", history(issue)));
    if (issue.photos.length) right.appendChild(block("photos", "", photos(issue)));
    const body = make("div", { class: "gs-card-body" + (left.children.length ? "" : " gs-alone") }, left.children.length ? left : null, right);
    return make("article", { class: "gs-issue", attr: { "data-issue": issue.id, tabindex: "-1", "aria-label": title } }, head, body);
  }

  function select(kind, word, update) {
    const box = make("select", { attr: { "aria-label": GeoSys.say(word) } });
    box.appendChild(make("option", { text: GeoSys.say("anyOf", { n: GeoSys.say(word) }), attr: { value: "" } }));
    for (const one of new Set(GeoSys.data.issues.map((issue) => issue[word]))) {
      box.appendChild(make("option", { text: GeoSys.brief(GeoSys.titleOf(kind, one), 40), attr: { value: one } }));
    }
    box.value = filter[word];
    box.addEventListener("change", () => ((filter[word] = box.value), update()));
    return box;
  }

  GeoSys.drawIssues = function (panel) {
    GeoSys.clear(panel);
    const issues = GeoSys.data.issues;
    panel.appendChild(make("h2", { text: GeoSys.say("issues") }));
    if (!issues.length) return panel.appendChild(make("p", { class: "gs-soft", text: GeoSys.say("noIssues") }));
    const cards = issues.map(card);
    const texts = cards.map((one) => fold(one.textContent));
    const count = make("p", { class: "gs-count", attr: { role: "status" } });
    const query = make("input", { attr: { type: "search", placeholder: GeoSys.say("filterHint"), "aria-label": GeoSys.say("filterIssues"), autocomplete: "off", spellcheck: "false" } });
    query.value = filter.query;
    function update() {
      let shown = 0;
      issues.forEach((issue, n) => {
        const fits = texts[n].includes(fold(filter.query.trim())) && (!filter.severity || issue.severity === filter.severity) && (!filter.status || issue.status === filter.status);
        cards[n].classList.toggle("gs-hidden", !fits);
        shown += fits;
      });
      count.textContent = GeoSys.say("issuesShown", { n: GeoSys.count(shown), all: GeoSys.count(issues.length) });
    }
    query.addEventListener("input", () => ((filter.query = query.value), update()));
    const bar = make("div", { class: "gs-filters" }, query, select("severities", "severity", update), select("statuses", "status", update));
    panel.append(bar, count, make("div", { class: "gs-cards" }, ...cards));
    update();
    return panel;
  };

  /** Open the card of an issue, whatever the filters say. */
  GeoSys.goIssue = function (id) {
    Object.assign(filter, { query: "", severity: "", status: "" });
    GeoSys.drawIssues(GeoSys.byId("issues"));
    GeoSys.go("issues", "[data-issue]", "issue", id);
  };
})(window.GeoSys);
