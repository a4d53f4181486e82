/* Put the page together, lead from part to part, and change the language. */
"use strict";

(function (GeoSys) {
  const TABS = ["agenda", "changes", "map", "issues", "tables", "files", "notes"];
  const DRAW = {
    agenda: GeoSys.drawAgenda, changes: GeoSys.drawChanges, map: GeoSys.drawMap, issues: GeoSys.drawIssues,
    tables: GeoSys.drawTables, files: GeoSys.drawFiles, notes: GeoSys.drawNotes,
  };
  let current = "agenda";

  GeoSys.data = JSON.parse(GeoSys.byId("data").textContent);
  GeoSys.language = GeoSys.data.language;

  function head() {
    const data = GeoSys.data;
    const put = (id, words, most) => {
      const element = GeoSys.byId(id);
      const text = words === null ? "" : GeoSys.pick(words);
      element.textContent = GeoSys.brief(text, most);
      element.title = text.length > most ? text.slice(0, 2000) : "";
      element.hidden = !text;
    };
    put("title", data.title, 90);
    put("place", data.place, 60);
    put("mark", data.mark, 20);
    put("notice", data.notice, 30);
    put("program", data.program, 60);
    put("rules", GeoSys.say("rules") + GeoSys.colon() + GeoSys.pick(data.rules), 60);
    document.title = GeoSys.brief(GeoSys.pick(data.place), 60) + " " + GeoSys.brief(GeoSys.pick(data.title), 90);
    const since = data.since ? GeoSys.say("sinceDay", { n: data.since }) : GeoSys.say("firstMeeting");
    GeoSys.byId("day").replaceChildren(
      GeoSys.make("b", { text: GeoSys.say("meetingDay", { n: data.day }) }), GeoSys.make("span", { text: since }),
    );
  }

  function tabs() {
    const data = GeoSys.data;
    const counts = { changes: data.changes.rows.length, issues: data.issues.length, tables: data.listings.length };
    const bar = GeoSys.clear(GeoSys.byId("tabs"));
    for (const name of TABS) {
      const tab = GeoSys.make("button", { text: GeoSys.say(name), attr: { type: "button", role: "tab", id: "gs-tab-" + name, "aria-controls": "gs-" + name }, on: { click: () => GeoSys.open(name) } });
      if (counts[name]) tab.appendChild(GeoSys.make("small", { text: GeoSys.count(counts[name]) }));
      bar.appendChild(tab);
    }
  }

  function render() {
    GeoSys.fillWords();
    head();
    tabs();
    for (const name of TABS) DRAW[name](GeoSys.byId(name));
    GeoSys.open(current);
  }

  /** Open a part of the pack. */
  GeoSys.open = function (name) {
    current = name;
    for (const one of TABS) {
      const tab = GeoSys.byId("tab-" + one);
      GeoSys.byId(one).hidden = one !== name;
      tab.setAttribute("aria-selected", String(one === name));
      tab.tabIndex = one === name ? 0 : -1;
    }
    document.body.dataset.part = name;
    GeoSys.byId("main").scrollTop = 0;
    GeoSys.byId("tab-" + name).scrollIntoView({ block: "nearest", inline: "nearest" });
    if (name === "map") GeoSys.openMap();
    try {
      history.replaceState(null, "", "#" + name);
    } catch (error) {
      // some browsers keep the address of a file as it is: the page works without
    }
  };

  /** Open a part and lead to one thing in it. */
  GeoSys.go = function (name, selector, key, value) {
    GeoSys.open(name);
    const found = Array.from(GeoSys.byId(name).querySelectorAll(selector)).find((one) => one.dataset[key] === value);
    if (!found) return;
    found.scrollIntoView({ block: "start" });
    (found.matches("[tabindex]") ? found : found.querySelector("[tabindex]")).focus({ preventScroll: true });
  };

  GeoSys.byId("tabs").addEventListener("keydown", (event) => {
    const at = TABS.indexOf(current);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    GeoSys.open(TABS[(next + TABS.length) % TABS.length]);
    GeoSys.byId("tab-" + current).focus();
  });
  GeoSys.byId("skip").addEventListener("click", () => GeoSys.byId(current).focus());
  GeoSys.byId("print").addEventListener("click", () => window.print());
  GeoSys.byId("language").addEventListener("click", () => {
    GeoSys.language = 1 - GeoSys.language;
    render();
  });
  if (TABS.includes(location.hash.slice(1))) current = location.hash.slice(1);
  render();
  // a browser that keeps the page's parts apart is told when all of it stands
  GeoSys.chartsDrawn().finally(() => (document.body.dataset.ready = "true"));
})(window.GeoSys);
