/* The fix report: filter the table, and lead from a row to its place and back. Without this script all is shown. */
"use strict";

(function () {
  const byId = (id) => document.getElementById(id);
  const rows = Array.from(document.querySelectorAll(".issues tbody tr"));
  const marks = new Map();
  for (const mark of document.querySelectorAll("#map .mark")) marks.set(mark.dataset.row, mark);
  const root = document.documentElement;
  const map = byId("map");
  const home = map ? map.getAttribute("viewBox").split(" ").map(Number) : null;
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const boxes = Array.from(document.querySelectorAll("#severities input"));
  let view = home;

  const number = (row) => row.id.slice(4);

  function filter() {
    const open = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const kind = byId("kind").value;
    const query = byId("query").value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const fits = open.has(row.dataset.severity) && (!kind || row.dataset.kind === kind) && texts.get(row).includes(query);
      row.hidden = !fits;
      shown += fits;
      const mark = marks.get(number(row));
      if (mark) mark.classList.toggle("off", !fits);
    }
    byId("count").textContent = shown + " / " + rows.length;
  }

  /** Show a part of the sketch; marks keep their size on the screen. */
  function look(next) {
    view = next;
    map.setAttribute("viewBox", next.join(" "));
    const shrink = next[2] / home[2];
    for (const mark of marks.values()) {
      const at = mark.getAttribute("transform").replace(/ scale.*/, "");
      mark.setAttribute("transform", at + " scale(" + shrink + ")");
    }
    byId("scale").style.visibility = shrink === 1 ? "" : "hidden";
  }

  function zoom(factor, x, y) {
    const wide = Math.min(home[2], Math.max(home[2] / 4000, view[2] * factor));
    const real = wide / view[2];
    look([x - (x - view[0]) * real, y - (y - view[1]) * real, wide, view[3] * real]);
  }

  const middle = () => [view[0] + view[2] / 2, view[1] + view[3] / 2];

  function choose(row, scroll) {
    for (const chosen of document.querySelectorAll(".chosen")) chosen.classList.remove("chosen");
    row.classList.add("chosen");
    const mark = marks.get(number(row));
    if (mark) {
      mark.classList.add("chosen");
      mark.parentNode.appendChild(mark);
      const at = /translate\(([-\d.]+) ([-\d.]+)\)/.exec(mark.getAttribute("transform"));
      const wide = Math.min(view[2], home[2] / 4);
      const high = (wide / home[2]) * home[3];
      if (scroll === "map") look([at[1] - wide / 2, at[2] - high / 2, wide, high]);
    }
    (scroll === "map" ? map : row).scrollIntoView({ block: "center" });
  }

  function speak() {
    const english = root.dataset.language === "en";
    root.lang = english ? "en" : "zh-CN";
    byId("language").textContent = english ? "中文" : "English";
    for (const option of document.querySelectorAll("option")) option.textContent = english ? option.dataset.en : option.dataset.zh;
  }

  for (const box of boxes) box.addEventListener("change", filter);
  byId("kind").addEventListener("change", filter);
  byId("query").addEventListener("input", filter);
  byId("language").addEventListener("click", () => {
    root.dataset.language = root.dataset.language === "en" ? "zh" : "en";
    speak();
  });
  for (const row of rows) if (row.dataset.place) row.addEventListener("click", () => choose(row, "map"));
  for (const mark of marks.values()) {
    const open = () => choose(byId("row-" + mark.dataset.row), "row");
    mark.addEventListener("click", open);
    mark.addEventListener("keydown", (event) => event.key === "Enter" && open());
  }
  if (map) {
    byId("in").addEventListener("click", () => zoom(0.5, ...middle()));
    byId("out").addEventListener("click", () => zoom(2, ...middle()));
    byId("home").addEventListener("click", () => look(home));
    document.querySelector(".zoom").hidden = false;
    let from = null;
    map.addEventListener("pointerdown", (event) => (from = [event.clientX, event.clientY, view]));
    window.addEventListener("pointerup", () => (from = null));
    map.addEventListener("pointermove", (event) => {
      if (!from) return;
      const scale = from[2][2] / map.getBoundingClientRect().width;
      look([from[2][0] - (event.clientX - from[0]) * scale, from[2][1] - (event.clientY - from[1]) * scale, from[2][2], from[2][3]]);
    });
  }
  window.addEventListener("beforeprint", () => map && look(home));
  byId("filters").hidden = false;
  byId("language").hidden = false;
  filter();
})();
