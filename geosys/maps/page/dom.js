/* Make elements. Every text goes through textContent: a name from a ledger can never become markup. */
"use strict";

(function (GeoSys) {
  /** Make an element: `props` holds class, text, attributes (attr) and listeners (on); then its children. */
  GeoSys.make = function (tag, props, ...children) {
    const element = document.createElement(tag);
    const { text, attr, on } = props || {};
    if (props && props.class) element.className = props.class;
    if (text !== undefined && text !== null) element.textContent = String(text);
    for (const name of Object.keys(attr || {})) element.setAttribute(name, attr[name]);
    for (const name of Object.keys(on || {})) element.addEventListener(name, on[name]);
    for (const child of children) if (child) element.appendChild(child);
    return element;
  };

  GeoSys.clear = function (element) {
    while (element.firstChild) element.removeChild(element.firstChild);
    return element;
  };

  GeoSys.byId = (id) => document.getElementById("gs-" + id);

  /** Make a button with a word of the page. */
  GeoSys.button = (word, className, action) =>
    GeoSys.make("button", { class: className, text: GeoSys.say(word), attr: { type: "button" }, on: { click: action } });

  /** Make a chip: a short word on its colour. */
  GeoSys.chip = function (swatch, extra) {
    const chip = GeoSys.make("span", { class: "gs-chip", text: GeoSys.pick(swatch.title) + (extra || "") });
    const colour = swatch.colour || "#5b6875";
    chip.style.setProperty("--chip", colour);
    chip.style.color = GeoSys.inkOn(colour);
    return chip;
  };

  /** Shorten a text that is too long for one line; the full text stays in the card. */
  GeoSys.brief = (text, length) => (text.length > length ? text.slice(0, length - 1) + "…" : text);

  /** Fill the words of the frame (data-word, data-word-label, data-word-placeholder) in the language chosen. */
  GeoSys.fillWords = function () {
    document.documentElement.lang = GeoSys.language ? "en" : "zh-CN";
    for (const element of document.querySelectorAll("[data-word]")) element.textContent = GeoSys.say(element.dataset.word);
    for (const element of document.querySelectorAll("[data-word-label]")) {
      element.setAttribute("aria-label", GeoSys.say(element.dataset.wordLabel));
      if (element.tagName === "BUTTON") element.title = GeoSys.say(element.dataset.wordLabel);
    }
    for (const element of document.querySelectorAll("[data-word-placeholder]")) {
      element.placeholder = GeoSys.say(element.dataset.wordPlaceholder);
    }
  };
})(window.GeoSys);
