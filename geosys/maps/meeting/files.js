/* Changes, tables, files and notes: the parts of the pack that are lists. */
"use strict";

(function (GeoSys) {
  const make = GeoSys.make;
  const VIEWED = new Set(["application/pdf", "image/png", "image/jpeg"]); // what a browser shows and does not run

  GeoSys.drawChanges = function (panel) {
    const spec = GeoSys.data.changes;
    GeoSys.clear(panel).appendChild(GeoSys.text("h2", "", spec.title, 120));
    const since = GeoSys.data.since;
    panel.appendChild(make("p", { class: "gs-soft", text: since ? GeoSys.say("sinceDay", { n: since }) + " → " + GeoSys.data.day : GeoSys.say("firstMeeting") }));
    if (!spec.rows.length) panel.appendChild(make("p", { text: GeoSys.say("noChanges") }));
    else panel.appendChild(GeoSys.table(spec, spec.columns.findIndex((column) => column.kind === "word")));
  };

  GeoSys.drawTables = function (panel) {
    GeoSys.clear(panel);
    for (const spec of GeoSys.data.listings) panel.append(GeoSys.text("h2", "", spec.title, 120), GeoSys.table(spec));
    if (!GeoSys.data.listings.length) panel.appendChild(make("p", { class: "gs-soft", text: GeoSys.say("emptyTable") }));
  };

  /** Return the address of a file beside this page; no letter of its name means anything but itself. */
  const beside = (file) => "./" + file.split("/").map(encodeURIComponent).join("/");

  /** Hand a file out of this page: to look at or to save. */
  function handOut(number, file, look) {
    const blob = new Blob([GeoSys.bytesOf("file-" + number)], { type: file.media });
    const link = make("a", { attr: { href: URL.createObjectURL(blob) } });
    if (look) link.target = "_blank";
    else link.download = file.file.split("/").pop();
    document.body.appendChild(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  function size(bytes) {
    return bytes < 1e6 ? Math.max(1, Math.round(bytes / 1000)) + " kB" : (bytes / 1e6).toFixed(1) + " MB";
  }

  function entry(file, number, pages) {
    const name = make("div", { class: "gs-grow" }, GeoSys.text("b", "", file.title, 120));
    const about = [file.file];
    if (pages) about.push(GeoSys.say("pages", { n: GeoSys.count(pages) }));
    about.push(file.size === null ? GeoSys.say("beside") : size(file.size));
    name.appendChild(GeoSys.text("small", "gs-soft", about.join(" · "), 160));
    const box = make("li", { class: "gs-file", attr: { "data-file": file.file, tabindex: "-1" } }, name);
    const label = GeoSys.brief(GeoSys.pick(file.title), 60);
    if (file.size === null) {
      box.appendChild(make("a", { class: "gs-button", text: GeoSys.say("open"), attr: { href: beside(file.file), target: "_blank", rel: "noopener", "aria-label": GeoSys.say("open") + " " + label } }));
    } else {
      for (const word of VIEWED.has(file.media) ? ["open", "save"] : ["save"]) {
        const act = GeoSys.button(word, "gs-button gs-" + word, () => handOut(number, file, word === "open"));
        act.setAttribute("aria-label", GeoSys.say(word) + " " + label);
        box.appendChild(act);
      }
    }
    return box;
  }

  GeoSys.drawFiles = function (panel) {
    const data = GeoSys.data;
    const pages = new Map(data.sheets.map((sheet) => [sheet.file, sheet.pages]));
    const known = new Set(data.files.map((file) => file.file));
    const others = data.sheets.filter((sheet) => !known.has(sheet.file)).map((sheet) => ({ title: sheet.title, file: sheet.file, size: null }));
    const all = data.files.concat(others);
    GeoSys.clear(panel).appendChild(make("h2", { text: GeoSys.say("files") }));
    if (!all.length) return panel.appendChild(make("p", { class: "gs-soft", text: GeoSys.say("noFiles") }));
    panel.appendChild(make("p", { class: "gs-soft", text: GeoSys.say("filesIntro") }));
    return panel.appendChild(make("ul", { class: "gs-list" }, ...all.map((file, n) => entry(file, n, pages.get(file.file)))));
  };

  GeoSys.drawNotes = function (panel) {
    const data = GeoSys.data;
    GeoSys.clear(panel).appendChild(make("h2", { text: GeoSys.say("notes") }));
    panel.appendChild(GeoSys.lacking(data) || make("p", { text: GeoSys.say("nothingLacking") }));
    const facts = make("dl");
    for (const [word, value] of [["program", data.program], ["rules", data.rules]]) facts.append(make("dt", { text: GeoSys.say(word) }), GeoSys.text("dd", "", value));
    panel.append(facts, make("h2", { text: GeoSys.say("layers") }));
    const head = make("tr");
    for (const word of ["layer", "version", "delivered", "rows"]) head.appendChild(make("th", { text: GeoSys.say(word), class: word === "rows" ? "gs-right" : "", attr: { scope: "col" } }));
    const body = make("tbody");
    for (const layer of data.layers) {
      const line = make("tr");
      for (const value of [layer.title, layer.version, layer.delivered]) line.appendChild(make("td", null, GeoSys.text("span", "", value, 160)));
      line.appendChild(make("td", { class: "gs-right", text: GeoSys.count(layer.rows) }));
      body.appendChild(line);
    }
    const drawn = make("table", null, make("thead", null, head), body);
    panel.appendChild(make("div", { class: "gs-scroll", attr: { tabindex: "0", role: "region", "aria-label": GeoSys.say("layers") } }, drawn));
  };
})(window.GeoSys);
