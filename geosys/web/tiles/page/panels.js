/* The list of layers with its legend, and the card of a feature. Text is always set as text, never as markup. */
"use strict";

(function (GeoTiles) {
  const say = (both) => both[GeoTiles.language] || both[0];

  function made(tag, text, parent) {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  }

  GeoTiles.listLayers = function (map) {
    const list = document.getElementById("list");
    for (const layer of [...GeoTiles.data.layers].reverse()) {
      const box = made("details", undefined, list);
      const head = made("summary", undefined, box);
      const label = made("label", undefined, head);
      const tick = made("input", undefined, label);
      tick.type = "checkbox";
      tick.checked = layer.visible;
      tick.addEventListener("change", () => GeoTiles.show(map, layer, tick.checked));
      label.append(GeoTiles.sign(layer, -1), say(layer.title));
      layer.classes.forEach((swatch, number) => {
        const row = made("div", undefined, box);
        row.className = "class";
        row.append(GeoTiles.sign(layer, number), say(swatch.title));
      });
      if (!layer.classes.length) box.classList.add("plain");
    }
    const { notice, disclaimer, title } = GeoTiles.data;
    document.getElementById("notice").textContent = [notice, disclaimer].map(say).join(" · ");
    document.querySelector("h1").textContent = say(title);
  };

  function worded(layer, column, value) {
    const code = layer.codes[column] && layer.codes[column][value];
    if (code) return say(code);
    if (typeof value === "boolean") return GeoTiles.language ? (value ? "yes" : "no") : value ? "是" : "否";
    return String(value);
  }

  GeoTiles.openCard = function (layer, values) {
    const told = document.getElementById("told");
    told.replaceChildren();
    made("h2", (layer.name && values[layer.name]) || values.feature_id, told);
    made("p", say(layer.title), told);
    const list = made("dl", undefined, told);
    for (const { id, title } of layer.columns) {
      if (values[id] === undefined) continue;
      made("dt", say(title), list);
      made("dd", worded(layer, id, values[id]), list);
    }
    document.getElementById("card").hidden = false;
  };

  GeoTiles.closeCard = () => { document.getElementById("card").hidden = true; };
})(window.GeoTiles);
