/* Texts of the data: each stands apart from what is around it, and a very long one opens when asked. */
"use strict";

(function (GeoSys) {
  const LONG = 240;

  /** Make an element with a text or pair; a long text shows its beginning, on paper the whole. */
  GeoSys.text = function (tag, className, words, most) {
    const text = GeoSys.pick(words);
    const limit = most || LONG;
    const element = GeoSys.make(tag, { class: "gs-text" + (className ? " " + className : "") });
    if (text.length <= limit) {
      element.textContent = text;
      return element;
    }
    const rest = GeoSys.make("span", { class: "gs-rest", text: text.slice(limit) });
    const more = GeoSys.make("button", { class: "gs-link gs-more", text: GeoSys.say("all"), attr: { type: "button", "aria-expanded": "false" } });
    more.addEventListener("click", () => {
      const open = element.classList.toggle("gs-whole");
      more.textContent = GeoSys.say(open ? "less" : "all");
      more.setAttribute("aria-expanded", String(open));
    });
    element.append(GeoSys.make("span", { text: text.slice(0, limit) }), GeoSys.make("span", { class: "gs-dots", text: "…" }), rest, more);
    return element;
  };

  /** Make a chip of a word that a palette knows; one that it does not is shown as it is. */
  GeoSys.wordChip = function (kind, word) {
    const known = Object.hasOwn(GeoSys.data.words[kind], word) ? GeoSys.data.words[kind][word] : { title: word, colour: "#5b6875" };
    const chip = GeoSys.make("span", { class: "gs-chip", text: GeoSys.brief(GeoSys.pick(known.title), 40) });
    chip.style.setProperty("--chip", known.colour);
    chip.style.color = GeoSys.inkOn(known.colour);
    return chip;
  };

  GeoSys.titleOf = function (kind, word) {
    return Object.hasOwn(GeoSys.data.words[kind], word) ? GeoSys.pick(GeoSys.data.words[kind][word].title) : word;
  };

  let quiet = null;
  /** Say something for a few seconds; readers of the screen hear it too. */
  GeoSys.tell = function (text) {
    const box = GeoSys.byId("told");
    box.textContent = text;
    clearTimeout(quiet);
    quiet = setTimeout(() => (box.textContent = ""), 4000);
  };

  /** Copy a text, also where the browser has no clipboard for pages opened from a file. */
  GeoSys.copy = function (text, done) {
    const tell = (good) => GeoSys.tell(good ? done : GeoSys.say("notCopied"));
    const old = () => {
      const box = GeoSys.make("textarea", { class: "gs-away", attr: { readonly: "" } });
      box.value = text;
      document.body.appendChild(box);
      box.select();
      const good = document.execCommand("copy");
      box.remove();
      return good;
    };
    if (!navigator.clipboard) return tell(old());
    return navigator.clipboard.writeText(text).then(() => tell(true), () => tell(old()));
  };
})(window.GeoSys);
