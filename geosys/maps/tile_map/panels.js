/* Words in two languages, legend and card. Every text of a ledger goes through textContent: it can never become markup. */
"use strict";

(function (GeoTiles) {
  const WORDS = {
    language: ["English", "中文"], print: ["打印", "Print"], layers: ["图层", "Layers"], card: ["属性", "Attributes"], north: ["北", "N"],
    zoomIn: ["放大", "Zoom in"], zoomOut: ["缩小", "Zoom out"], home: ["回到全图", "Whole map"], close: ["关闭", "Close"],
    absent: ["未提供", "not supplied"], otherClass: ["其他", "Other"], noName: ["（无名称）", "(no name)"], code: ["编号", "Code"], asOf: ["日期", "As of"],
    withoutPlace: ["{n} 条无位置", "{n} without position"], layer: ["图层", "Layer"], version: ["版本", "Version"], yes: ["是", "Yes"], no: ["否", "No"],
    datum: ["坐标系 CGCS2000，Web 墨卡托显示，比例尺为图面中心实地距离", "Datum CGCS2000, drawn in Web Mercator; the scale bar holds at the centre"],
    noDrawing: ["此浏览器不能使用 WebGL，无法显示地图。请换用较新的浏览器，或在设置中开启硬件加速。", "This browser has no WebGL, so the map cannot be drawn. Use a newer one, or switch hardware acceleration on."],
  };
  GeoTiles.language = 0;
  GeoTiles.say = (word) => WORDS[word][GeoTiles.language];
  const pick = (pair) => (pair ? pair[GeoTiles.language] || pair[0] : "");
  const byId = (id) => document.getElementById("gt-" + id);
  const number = (n) => n.toLocaleString("en-US", { maximumFractionDigits: 6 });

  function make(tag, className, text, ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== null && text !== undefined) element.textContent = String(text);
    for (const child of children) if (child) element.appendChild(child);
    return element;
  }

  /** Fill all words of the page in the language chosen. */
  GeoTiles.fill = function () {
    const { data } = GeoTiles;
    document.documentElement.lang = GeoTiles.language ? "en" : "zh-CN";
    for (const element of document.querySelectorAll("[data-word]")) element.textContent = GeoTiles.say(element.dataset.word);
    for (const element of document.querySelectorAll("[data-word-label]")) element.setAttribute("aria-label", GeoTiles.say(element.dataset.wordLabel));
    for (const name of ["title", "place", "mark", "notice", "approval", "disclaimer"]) byId(name).textContent = pick(data[name]);
    byId("day").textContent = GeoTiles.say("asOf") + " " + data.asOf;
    byId("program").textContent = data.program;
    fillLegend();
    if (GeoTiles.chosen) fillCard(GeoTiles.chosen);
  };

  function fillLegend() {
    const box = byId("legend");
    box.replaceChildren();
    for (const [group, title] of GeoTiles.data.groups) {
      const layers = GeoTiles.data.layers.filter((layer) => layer.group === group).reverse();
      if (layers.length) box.appendChild(make("h2", "", pick(title)));
      for (const layer of layers) box.append(...legendOf(layer));
    }
  }

  function legendOf(layer) {
    const input = make("input");
    input.type = "checkbox";
    input.checked = layer.isOn && layer.sets.length > 0;
    input.disabled = !layer.sets.length;
    input.addEventListener("change", () => GeoTiles.show(GeoTiles.map, layer, input.checked));
    const count = layer.rows ? number(layer.rows) : GeoTiles.say("absent");
    const lost = layer.withoutPlace ? make("small", "", GeoTiles.say("withoutPlace").replace("{n}", number(layer.withoutPlace))) : null;
    const rows = [make("label", "gt-layer", null, input, layer.classes.length ? null : GeoTiles.sign(layer, -1), make("span", "", pick(layer.title)), lost, make("small", "", count))];
    for (const [numbered, size] of layer.classCounts) {
      const title = layer.classes[numbered] ? pick(layer.classes[numbered].title) : GeoTiles.say("otherClass");
      rows.push(make("div", "gt-class", null, GeoTiles.sign(layer, numbered), make("span", "", title), make("small", "", number(size))));
    }
    return rows;
  }

  function valueText(value, column) {
    if (value === null || value === undefined) return "—";
    if (value === true || value === false) return GeoTiles.say(value ? "yes" : "no");
    if (typeof value === "number") return number(value) + (column.unit ? " " + column.unit : "");
    const title = Object.hasOwn(column.codes, value) ? pick(column.codes[value]) : "";
    return title && title !== value ? title + "（" + value + "）" : String(value);
  }

  function fillCard({ layer, card }) {
    const box = byId("card");
    const [id, name, ...values] = card;
    const close = make("button", "gt-close", "×");
    close.type = "button";
    close.setAttribute("aria-label", GeoTiles.say("close"));
    close.addEventListener("click", GeoTiles.closeCard);
    const list = make("dl");
    const row = (term, text) => list.append(make("dt", "", term), make("dd", "", text));
    row(GeoTiles.say("layer"), pick(layer.title));
    row(GeoTiles.say("code"), id);
    layer.cards.columns.forEach((column, i) => row(pick(column.title), valueText(values[i], column)));
    row(GeoTiles.say("version"), layer.version);
    box.replaceChildren(make("h2", "", name === null ? GeoTiles.say("noName") : name), close, list);
    box.hidden = false;
  }

  GeoTiles.openCard = function (layer, card) {
    GeoTiles.chosen = { layer, card };
    fillCard(GeoTiles.chosen);
  };
  GeoTiles.closeCard = function () {
    GeoTiles.chosen = null;
    byId("card").hidden = true;
    GeoTiles.mark([]);
  };

  GeoTiles.trouble = function (text) {
    byId("trouble").textContent = text;
    byId("trouble").hidden = false;
  };
  GeoTiles.byId = byId;
})(window.GeoTiles);
