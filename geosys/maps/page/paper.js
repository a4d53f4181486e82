/* Paper has another shape than the screen: the map takes it while the page is printed, and draws for it at once. */
"use strict";

(function (GeoSys) {
  const paper = {};
  let screen = null;

  function turn(map, on) {
    if (on && !screen) screen = { bounds: map.getBounds(), centre: map.getCenter(), zoom: map.getZoom() };
    document.body.classList.toggle("gs-printing", on);
    GeoSys.drawOnce(() => {
      map.invalidateSize({ animate: false });
      if (on) map.fitBounds(screen.bounds, { animate: false });
      else if (screen) map.setView(screen.centre, screen.zoom, { animate: false });
    });
    if (!on) screen = null;
    GeoSys.panels.legend();
    fitCard(on);
  }

  /** Leave out the card's last lines where paper has no room for them, and say so: a line cut in half could be misread. */
  function fitCard(on) {
    const body = document.querySelector("#gs-card .gs-card-body");
    if (!body) return;
    for (const line of body.querySelectorAll(".gs-unprinted")) line.classList.remove("gs-unprinted");
    for (const note of body.querySelectorAll(".gs-rest")) note.remove();
    const over = () => body.scrollHeight > body.clientHeight + 1;
    if (!on || !over()) return;
    const lines = Array.from(body.querySelectorAll("dd, h3, li, figure, p"));
    body.appendChild(GeoSys.make("p", { class: "gs-soft gs-rest", text: GeoSys.say("restOnScreen") }));
    while (lines.length && (over() || lines[lines.length - 1].tagName === "H3")) {
      const line = lines.pop();
      line.classList.add("gs-unprinted");
      if (line.tagName === "DD") line.previousElementSibling.classList.add("gs-unprinted");
    }
  }

  paper.listen = function (map) {
    window.addEventListener("beforeprint", () => turn(map, true));
    window.addEventListener("afterprint", () => turn(map, false));
  };

  GeoSys.paper = paper;
})(window.GeoSys);
