// Puts the page together.

import { getJson } from "/shared/net.js";
import { Carry } from "./carry.js";
import { Colors } from "./colors.js";
import { Compare } from "./compare.js";
import { byId, setOptions } from "./elements.js";
import { Files } from "./files.js";
import { Gestures } from "./gestures.js";
import { HistoryStrip } from "./history.js";
import { Inspector } from "./inspector.js";
import { Keys } from "./keys.js";
import { Library } from "./library.js";
import { ObjectList } from "./objects.js";
import { Outlines } from "./outlines.js";
import { Overlay } from "./overlay.js";
import { Photos } from "./photos.js";
import { Scene } from "./scene.js";
import { SceneDialog } from "./scenes.js";
import { Session } from "./session.js";
import { View } from "./view.js";

const SLOW_MS = 1000; // after which a bar says that the photograph is being made
const LARGEST_SEED = 2 ** 31;

async function start() {
  const { classes, scenes, library, has_styles: hasStyles, max_megabytes: maxMegabytes } = await getJson("/api/editor");
  const scene = new Scene(), session = new Session(scene), colors = new Colors(classes);
  const view = new View(scene, colors), outlines = new Outlines(scene);
  const overlay = new Overlay(scene, view, outlines, colors);
  const photos = new Photos(scene, view), carry = new Carry(scene, session, overlay, outlines, classes, library);
  const objects = new ObjectList(scene, classes, colors);
  const inspector = new Inspector(scene, session, classes, carry, hasStyles);
  const history = new HistoryStrip(scene, session, photos), compare = new Compare(scene, view, photos, history);
  const painting = paintOptions(scene, classes);
  const gestures = new Gestures(scene, session, view, overlay, carry, {
    ...painting,
    keepSize: () => byId("keep-size").checked,
    inFront: () => byId("in-front").checked,
    under: (number) => { byId("under").textContent = number === null ? "" : scene.object(number).name; },
  });
  new Library(session, view, carry, classes, library);
  new Files(scene, session, view, maxMegabytes);
  new SceneDialog(session, scenes);

  const chooseTool = (tool) => {
    gestures.cancel();
    gestures.tool = tool;
    for (const button of document.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-current", String(button.dataset.tool === tool));
    }
    byId("paint-bar").hidden = tool !== "brush" && tool !== "fill";
    byId("size-label").hidden = tool !== "brush";
    view.stage.style.cursor = { select: "default", pan: "grab" }[tool] ?? "crosshair";
  };
  const showView = (kind) => {
    for (const button of document.querySelectorAll("[data-view]")) {
      button.setAttribute("aria-checked", String(button.dataset.view === kind));
      button.tabIndex = button.dataset.view === kind ? 0 : -1;
    }
    byId("blend-bar").hidden = kind !== "blend";
    view.show(kind);
  };
  const reseed = (seed, keepStyles) => session.edit({ do: "reseed", seed, keep_styles: keepStyles });
  const shuffle = (event) => reseed(Math.floor(Math.random() * LARGEST_SEED), event.shiftKey);
  const ifSelected = (action) => (event) => scene.selected !== null && action(event);

  // === Controls ===
  for (const button of document.querySelectorAll("[data-tool]")) button.addEventListener("click", () => chooseTool(button.dataset.tool));
  for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => showView(button.dataset.view));
  byId("views").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const buttons = [...byId("views").children];
    const next = buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length];
    next.focus();
    showView(next.dataset.view);
    event.stopPropagation();
  });
  byId("undo").addEventListener("click", () => session.edit({ do: "undo" }));
  byId("redo").addEventListener("click", () => session.edit({ do: "redo" }));
  byId("shuffle").addEventListener("click", shuffle);
  byId("seed").addEventListener("change", (event) => event.target.checkValidity() && reseed(Number(event.target.value), false));
  byId("zoom-in").addEventListener("click", () => view.zoom(1.5));
  byId("zoom-out").addEventListener("click", () => view.zoom(1 / 1.5));
  byId("zoom-fit").addEventListener("click", () => view.zoomToFit());
  byId("blend").addEventListener("input", (event) => { view.share = event.target.value / 100; view.show("blend"); });
  byId("show-help").addEventListener("click", () => byId("help").showModal());
  byId("safe-colors").checked = colors.isSafe;
  byId("safe-colors").addEventListener("change", (event) => {
    colors.choose(event.target.checked);
    objects.fill();
    view.show(view.kind);
  });
  byId("seed-group").hidden = !hasStyles;

  new Keys([
    [["v"], "select and move", () => chooseTool("select")],
    [["b"], "brush", () => chooseTool("brush")],
    [["g"], "fill", () => chooseTool("fill")],
    [["h"], "move the view", () => chooseTool("pan")],
    [["1"], "photograph", () => showView("photo")],
    [["2"], "label map", () => showView("labels")],
    [["3"], "instance map", () => showView("instances")],
    [["4"], "blend of photograph and map", () => showView("blend")],
    [["c"], "before and after", () => compare.toggle()],
    [["Delete", "Backspace"], "remove the selected object", ifSelected(() => inspector.remove())],
    [["d"], "duplicate it", ifSelected(() => inspector.duplicate())],
    [["m"], "mirror it", ifSelected(() => inspector.mirror())],
    [["t"], "pick it up; a click puts it down", ifSelected(() => inspector.move())],
    [["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"], "move it a pixel", ifSelected((event) => nudge(event, 1))],
    [["Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowDown"], "move it 10 pixels", ifSelected((event) => nudge(event, 10))],
    [["s"], "its styles: arrows walk, Enter takes one", ifSelected(() => inspector.focusStyles())],
    [["r"], "new seed for everything", shuffle],
    [["Shift+r"], "new seed; chosen styles stay", shuffle],
    [["l"], "library", () => byId("library").querySelector("button")?.focus()],
    [["["], "smaller brush", () => painting.resizeBrush(-1)],
    [["]"], "larger brush", () => painting.resizeBrush(1)],
    [["Ctrl+z"], "undo", () => session.edit({ do: "undo" })],
    [["Ctrl+Shift+z", "Ctrl+y"], "redo", () => session.edit({ do: "redo" })],
    [["+", "="], "larger", () => view.zoom(1.25)],
    [["-"], "smaller", () => view.zoom(0.8)],
    [["0"], "all of it", () => view.zoomToFit()],
    [["o"], "open a scene", () => byId("open-scenes").click()],
    [["?"], "this help", () => byId("help").showModal()],
    [["Escape"], "give up a drag, or deselect", () => { if (!gestures.cancel()) scene.select(null); }],
  ], (isHeld) => { gestures.isPanning = isHeld; });

  const nudge = (event, step) => {
    const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    inspector.nudge(x * step, y * step);
  };

  // === What is told ===
  const say = (message, isBad) => {
    byId("said").textContent = message;
    byId("said").classList.toggle("bad", isBad);
  };
  session.addEventListener("said", (event) => say(event.detail.message, false));
  session.addEventListener("failed", (event) => say(event.detail.message, true));
  scene.addEventListener("changed", () => {
    byId("seed").value = scene.head.seed;
    byId("scene-name").textContent = `${scene.head.scene}, ${scene.width} x ${scene.height}`;
  });
  let slow;
  const waiting = (isWaiting) => {
    clearTimeout(slow);
    byId("progress").hidden = true;
    if (isWaiting) slow = setTimeout(() => { byId("progress").hidden = false; }, SLOW_MS);
  };
  const badge = (text) => { byId("badge").hidden = !text; byId("badge").textContent = text; };
  photos.addEventListener("waiting", () => { waiting(true); badge("photograph follows"); });
  photos.addEventListener("shown", (event) => {
    const isFull = event.detail.kind === "full";
    if (isFull) waiting(false);
    badge(isFull ? "" : "preview");
    if (isFull && !byId("said").classList.contains("bad")) say(`${scene.head.said}; photograph updated`, false);
  });
  photos.addEventListener("failed", (event) => { waiting(false); badge(""); say(event.detail.message, true); });

  chooseTool("select");
  showView("photo");
  inspector.show();
  Object.assign(window, { editor: { scene, view, session, gestures, photos } }); // for whoever looks, and for tests
  await session.begin();
}

/** The controls of brush and fill, as functions. */
function paintOptions(scene, classes) {
  const select = byId("paint-class"), size = byId("paint-size");
  setOptions(select, classes.map((entry, label) => [label, entry.name]));
  setOptions(byId("paint-over"), [["", "everything"], ["stuff", "stuff only, no objects"],
    ...classes.map((entry, label) => [label, `only ${entry.name}`])]);
  const paintClass = () => Number(select.value);
  const show = () => { byId("paint-size-shown").textContent = `${2 * size.value + 1} px`; };
  size.addEventListener("input", show);
  show();
  return {
    paintClass,
    radius: () => Number(size.value),
    resizeBrush: (step) => { size.value = Number(size.value) + step; show(); },
    pickClass: (number) => { if (number !== null) select.value = String(scene.object(number).label); },
    over: () => { const { value } = byId("paint-over"); return value === "" || value === "stuff" ? value || null : Number(value); },
    onto: (label) => {
      const { selected } = scene;
      return byId("paint-onto").checked && selected !== null && scene.object(selected).label === label ? selected : null;
    },
  };
}

start().catch((error) => {
  byId("said").textContent = error.message;
  byId("said").classList.add("bad");
});
