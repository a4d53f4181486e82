/* Tools on the map: measure a distance or an area on the ellipsoid, read coordinates and copy them. */
"use strict";

(function (GeoSys) {
  const KINDS = ["distance", "area", "position"];
  const SAME = 4; // pixels: a second click of a double click is no new point
  const MU = 2000 / 3;
  const tools = { order: 0, kind: null, points: [], done: false, pointer: null };

  const position = (latlng) => [latlng.lng, latlng.lat];

  /** Take up a tool, or lay it down when it is the one in hand. */
  tools.choose = function (kind) {
    tools.kind = tools.kind === kind ? null : kind;
    tools.points = [];
    tools.done = false;
    const map = GeoSys.map;
    map.doubleClickZoom[tools.kind ? "disable" : "enable"]();
    GeoSys.byId("app").classList.toggle("gs-tooled", Boolean(tools.kind));
    if (tools.kind) {
      GeoSys.card.close();
      GeoSys.closeDrawer();
    }
    tools.render();
  };

  tools.isBusy = () => Boolean(tools.kind);

  /** Take a click of the map, or the Enter key for its centre. */
  tools.click = function (latlng) {
    const map = GeoSys.map;
    if (tools.kind === "position" || tools.done) tools.points = [];
    tools.done = false;
    const last = tools.points[tools.points.length - 1];
    const near = last && map.latLngToContainerPoint(last).distanceTo(map.latLngToContainerPoint(latlng)) < SAME;
    if (!near) tools.points.push(latlng);
    tools.render();
  };

  tools.finish = function () {
    tools.done = tools.kind !== "position" && tools.points.length > 1;
    tools.render();
  };

  tools.undo = function () {
    tools.points.pop();
    tools.done = false;
    tools.render();
  };

  tools.follow = function (latlng) {
    if (!tools.kind || tools.done) return;
    tools.pointer = latlng;
    GeoSys.board(GeoSys.map, "tools").redraw();
  };

  /** Say whether an area's border crosses itself: then it encloses nothing one could measure. */
  tools.crosses = function (points) {
    const side = (a, b, c) => Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));
    const n = points.length;
    for (let i = 0; i < n; i++) {
      for (let j = i + 2; j < n; j++) {
        if ((j + 1) % n === i) continue;
        const [a, b, c, d] = [points[i], points[(i + 1) % n], points[j], points[(j + 1) % n]];
        if (side(a, b, c) !== side(a, b, d) && side(c, d, a) !== side(c, d, b)) return true;
      }
    }
    return false;
  };

  const metres = (m) => (m >= 10000 ? GeoSys.fixed(m / 1000, 3) + " km" : GeoSys.fixed(m, 2) + " m");

  /** Return the lines of the result: [word, text]. */
  tools.lines = function () {
    const E = GeoSys.Ellipsoid;
    const path = tools.points.map(position);
    if (tools.kind === "position") return path.length ? GeoSys.positionLines(path[0]) : [];
    if (path.length < 2) return [];
    if (tools.kind === "distance") {
      const last = E.length(path.slice(-2));
      const all = E.length(path);
      if (all === null) return [["total", GeoSys.say("tooFar")]];
      return [["total", metres(all)]].concat(path.length > 2 ? [["lastLeg", metres(last)]] : []);
    }
    if (path.length < 3) return [];
    if (tools.crosses(path)) return [["area", GeoSys.say("crossing")]];
    const area = E.area(path);
    const round = E.length(path.concat([path[0]]));
    if (area === null || round === null) return [["area", GeoSys.say("tooFar")]];
    return [
      ["area", GeoSys.fixed(area, area < 1e6 ? 1 : 0) + " m²"],
      ["areaLarge", GeoSys.fixed(area / 10000, 4) + " ha = " + GeoSys.fixed(area / MU, 2) + " " + GeoSys.say("mu")],
      ["perimeter", metres(round)],
    ];
  };

  /** Return a position three ways: degrees, degrees with minutes and seconds, metres of its 3-degree zone. */
  GeoSys.positionLines = function (place) {
    const E = GeoSys.Ellipsoid;
    const [lon, lat] = place;
    const lines = [
      ["degrees", lon.toFixed(6) + "°, " + lat.toFixed(6) + "°"],
      ["sixtieths", E.sixtieths(lon, 2, "EW") + " " + E.sixtieths(lat, 2, "NS")],
    ];
    const zone = E.zone(lon);
    if (zone >= 25 && zone <= 45 && lat >= 0 && lat <= 60) {
      const [east, north] = E.plane(place, 3 * zone);
      const text = "X " + north.toFixed(2) + "  Y " + zone + east.toFixed(2).padStart(9, "0");
      lines.push(["zoneMetres", text, GeoSys.say("zoneOf", { n: zone, all: 3 * zone })]);
    }
    return lines;
  };

  /** Put a text on the clipboard and say so. */
  GeoSys.copy = function (text) {
    const old = () => {
      const box = GeoSys.make("textarea", { class: "gs-away", attr: { readonly: "" } });
      box.value = text;
      document.body.appendChild(box);
      box.select();
      const good = document.execCommand("copy");
      box.remove();
      return good;
    };
    const tell = (good) => GeoSys.tell(GeoSys.say(good ? "copied" : "notCopied") + GeoSys.colon() + GeoSys.brief(text, 90));
    if (!navigator.clipboard) return tell(old());
    navigator.clipboard.writeText(text).then(() => tell(true), () => tell(old()));
  };

  let quiet = null;
  /** Say something for a few seconds; readers of the screen hear it too. */
  GeoSys.tell = function (text) {
    const box = GeoSys.byId("told");
    box.textContent = text;
    clearTimeout(quiet);
    quiet = setTimeout(() => (box.textContent = ""), 4000);
  };

  /** Write the box of the tool in hand. */
  tools.render = function () {
    for (const kind of KINDS) GeoSys.byId("tool-" + kind).setAttribute("aria-pressed", String(tools.kind === kind));
    const box = GeoSys.clear(GeoSys.byId("tool"));
    box.hidden = !tools.kind;
    GeoSys.board(GeoSys.map, "tools").redraw();
    if (!tools.kind) return;
    const close = GeoSys.make("button", { class: "gs-icon", text: "×", attr: { type: "button", "aria-label": GeoSys.say("close") }, on: { click: () => end() } });
    box.appendChild(GeoSys.make("div", { class: "gs-row" }, GeoSys.make("b", { class: "gs-grow", text: GeoSys.say("tool_" + tools.kind) }), close));
    const lines = tools.lines();
    const list = GeoSys.make("dl", { attr: { "aria-live": "polite" } });
    for (const [word, text, note] of lines) {
      list.appendChild(GeoSys.make("dt", { text: GeoSys.say(word) }));
      const copy = GeoSys.make("button", { class: "gs-link", text, attr: { type: "button", title: GeoSys.say("copy"), "data-copy": word }, on: { click: () => GeoSys.copy(text) } });
      list.appendChild(GeoSys.make("dd", {}, copy, note ? GeoSys.make("small", { class: "gs-soft", text: note }) : null));
    }
    box.appendChild(list);
    box.appendChild(GeoSys.make("p", { class: "gs-soft", text: GeoSys.say(lines.length ? "copyHint" : "hint_" + tools.kind) }));
    if (tools.kind !== "position" && tools.points.length) {
      box.appendChild(GeoSys.make("div", { class: "gs-row" }, GeoSys.button("undo", "gs-button", tools.undo), GeoSys.button("finish", "gs-button", tools.finish)));
    }
  };

  function end() {
    const kind = tools.kind;
    tools.choose(kind);
    GeoSys.byId("tool-" + kind).focus();
  }

  tools.draw = function (ctx, view) {
    if (!tools.kind) return;
    const rubber = tools.pointer && !tools.done && tools.kind !== "position" && tools.points.length ? [tools.pointer] : [];
    const at = (latlng) => {
      const p = L.CRS.EPSG3857.latLngToPoint(latlng, 0);
      return [p.x * view.scale - view.dx, p.y * view.scale - view.dy];
    };
    const path = tools.points.concat(rubber).map(at);
    ctx.save();
    ctx.lineJoin = "round";
    ctx.beginPath();
    path.forEach(([x, y], i) => (i ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
    if (tools.kind === "area" && path.length > 2) {
      ctx.closePath();
      ctx.fillStyle = "rgba(0,90,170,.15)";
      ctx.fill();
    }
    for (const [width, colour] of [[6, "rgba(255,255,255,.9)"], [3, "#005AAA"]]) {
      ctx.lineWidth = width;
      ctx.strokeStyle = colour;
      ctx.stroke();
    }
    for (const latlng of tools.points) GeoSys.symbol(ctx, "circle", ...at(latlng), 6, "#005AAA", "#ffffff");
    ctx.restore();
  };

  /** Listen to the buttons and keys of the tools. */
  tools.listen = function (map) {
    for (const kind of KINDS) GeoSys.byId("tool-" + kind).addEventListener("click", () => tools.choose(kind));
    map.on("dblclick", () => tools.kind && tools.finish());
    map.on("mousemove", (event) => tools.follow(event.latlng));
    map.getContainer().addEventListener("keydown", (event) => {
      if (!tools.kind || event.target !== map.getContainer()) return;
      if (event.key === "Enter") tools.click(map.getCenter());
      else if (event.key === "Backspace") tools.undo();
      else return;
      event.preventDefault();
    });
    GeoSys.board(map, "tools").add(tools);
  };

  tools.end = () => tools.kind && end();
  GeoSys.tools = tools;
})(window.GeoSys);
