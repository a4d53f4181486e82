/* The months the map can show, which of them it draws now, and the bar that moves through them. */
"use strict";

(function (GeoSys) {
  const MOST_MONTHS = 120;
  const STEP_MS = 900;
  let timer = null;

  // `day` is what is being drawn; with two dates the left of `split` shows `days[other]`, the right `days[at]`
  const T = { days: [], at: 0, other: null, split: 0.5, open: false, day: "" };

  /** Collect the month ends from the first dated row to the day of judgement, which is always the last. */
  T.load = function () {
    const data = GeoSys.data();
    const F = GeoSys.Findings;
    let first = data.asOf;
    const meet = (day) => (first = day && day < first ? day : first);
    for (let row = 0; row < F.n; row++) meet(F.firstDay(row));
    for (const layer of GeoSys.layers || []) {
      for (const [day] of layer.spec.timeline) meet(day);
      for (let row = 0; layer.since && row < layer.n; row++) meet(layer.since(row));
    }
    let [year, month] = first.split("-").map(Number);
    T.days = [];
    for (;;) {
      const end = new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10);
      if (end >= data.asOf) break;
      T.days.push(end);
      month++;
      if (month > 12) [year, month] = [year + 1, 1];
    }
    T.days = T.days.slice(-MOST_MONTHS).concat(data.asOf);
    T.at = T.days.length - 1;
    T.day = data.asOf;
  };

  T.now = () => T.days[T.at];
  T.isLatest = () => T.at === T.days.length - 1 && T.other === null;
  T.drawn = () => (T.other === null ? [T.now()] : [T.now(), T.days[T.other]]);

  /** Do something as of a day and return to the day that is shown. */
  T.asOf = function (day, action) {
    T.day = day;
    try {
      return action();
    } finally {
      T.day = T.now();
    }
  };

  /** Return the day that is shown at a place of the map (pixels from its left). */
  T.dayAt = (x) => (T.other !== null && x < GeoSys.map.getSize().x * T.split ? T.days[T.other] : T.now());

  /** Return the stretches of a canvas with the day each shows; `west` is the canvas's left in pixels of the map. */
  T.halves = function (view, west) {
    if (T.other === null) return [{ day: T.now(), from: 0, to: view.width }];
    const middle = GeoSys.map.getSize().x * T.split - west;
    return [{ day: T.days[T.other], from: 0, to: middle }, { day: T.now(), from: middle, to: view.width }];
  };

  /** Show other days: `at` and `other` are places in `days`, `other` null for one date. */
  T.show = function (at, other) {
    const last = T.days.length - 1;
    T.at = Math.max(0, Math.min(last, at));
    T.other = other === null || other === undefined ? null : Math.max(0, Math.min(last, other));
    T.day = T.now();
    GeoSys.applyFilter();
    GeoSys.board(GeoSys.map, "layers").redraw();
    GeoSys.panels.layers();
    GeoSys.card.render();
    T.fill();
  };

  T.toggle = function (open) {
    T.open = open;
    stop();
    if (!open) T.show(T.days.length - 1, null);
    T.fill();
  };

  function stop() {
    clearInterval(timer);
    timer = null;
  }

  function play() {
    if (timer) {
      stop();
    } else {
      if (T.at === T.days.length - 1) T.show(0, T.other);
      timer = setInterval(() => {
        if (T.at >= T.days.length - 1) stop();
        else T.show(T.at + 1, T.other);
        T.fill();
      }, STEP_MS);
    }
    T.fill();
  }

  function slider(id, word, place, change) {
    const input = GeoSys.make("input", { attr: { type: "range", min: 0, max: T.days.length - 1, id: "gs-" + id, "aria-label": GeoSys.say(word), "aria-valuetext": T.days[place] } });
    input.value = place;
    input.addEventListener("input", () => {
      change(Number(input.value));
      GeoSys.byId(id).focus();
    });
    return GeoSys.make("label", { class: "gs-row" }, GeoSys.make("b", { class: "gs-day", text: T.days[place] }), input);
  }

  /** Write the bar and place the divider; both are hidden where the map has one date only. */
  T.fill = function () {
    const bar = GeoSys.clear(GeoSys.byId("time"));
    const has = T.days.length > 1;
    GeoSys.byId("tool-time").hidden = !has;
    GeoSys.byId("tool-time").setAttribute("aria-pressed", String(T.open));
    GeoSys.byId("app").classList.toggle("gs-timed", T.open && has);
    bar.hidden = !T.open || !has;
    place();
    const shown = T.isLatest() ? "" : " · " + GeoSys.say("shownDate") + " " + T.drawn().slice().reverse().join(" | ");
    GeoSys.byId("day").textContent = GeoSys.say("asOf") + " " + GeoSys.data().asOf + shown;
    GeoSys.byId("day").classList.toggle("gs-past", Boolean(shown));
    if (bar.hidden) return;
    if (T.other !== null) bar.appendChild(slider("month-left", "leftDate", T.other, (to) => T.show(T.at, to)));
    bar.appendChild(slider("month", T.other === null ? "date" : "rightDate", T.at, (to) => T.show(to, T.other)));
    const swipe = GeoSys.make("input", { attr: { type: "checkbox", id: "gs-swipe" }, on: { change: () => (T.show(T.at, swipe.checked ? 0 : null), GeoSys.byId("swipe").focus()) } });
    swipe.checked = T.other !== null;
    bar.appendChild(GeoSys.make("div", { class: "gs-row" },
      GeoSys.button(timer ? "pause" : "play", "gs-button", play),
      GeoSys.make("label", { class: "gs-row gs-grow" }, swipe, GeoSys.make("span", { text: GeoSys.say("swipe") })),
      GeoSys.button("close", "gs-button", () => (T.toggle(false), GeoSys.byId("tool-time").focus()))));
    if (!GeoSys.Findings.has("history")) bar.appendChild(GeoSys.make("p", { class: "gs-soft", text: GeoSys.say("noHistory") }));
  };

  function place() {
    const divider = GeoSys.byId("split");
    divider.hidden = T.other === null;
    divider.style.setProperty("--split", T.split);
    GeoSys.byId("split-left").textContent = T.other === null ? "" : T.days[T.other];
    GeoSys.byId("split-right").textContent = T.now();
    divider.setAttribute("aria-valuenow", Math.round(T.split * 100));
    divider.setAttribute("aria-valuetext", T.drawn().slice().reverse().join(" | "));
  }

  function move(to) {
    T.split = Math.max(0.02, Math.min(0.98, to));
    place();
    GeoSys.redraw();
  }

  /** Listen to the divider: dragged, or moved by the arrow keys. */
  T.listen = function (map) {
    const divider = GeoSys.byId("split");
    divider.addEventListener("pointerdown", (event) => {
      divider.setPointerCapture(event.pointerId);
      event.preventDefault();
      divider.focus();
    });
    divider.addEventListener("pointermove", (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const box = GeoSys.byId("stage").getBoundingClientRect();
      move((event.clientX - box.left) / box.width);
    });
    divider.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      move(T.split + by);
    });
    map.on("move", () => T.other !== null && GeoSys.redraw());
  };

  GeoSys.time = T;
})(window.GeoSys);
