// What can be done with the selected object: class, actions, styles.

import { byId, make, setOptions } from "./elements.js";
import { getBlob } from "/shared/net.js";

const AT_ONCE = 2; // pictures asked for: a browser has six connections to a server, and edits must never wait for one

export class Inspector {
  constructor(scene, session, classes, carry, hasStyles) {
    Object.assign(this, { scene, session, classes, carry });
    this.strip = byId("styles");
    setOptions(byId("class"), classes.map((entry, label) => [label, entry.name]));
    byId("no-styles").hidden = hasStyles;
    this.nudged = null; // {by, to, load, timer}: what arrow keys have moved, and the server does not know yet
    scene.addEventListener("selected", () => { this.endNudge(); this.show(); });
    scene.addEventListener("changed", () => this.show());
    session.addEventListener("asked", () => this.endNudge());
    byId("stage").addEventListener("pointerdown", () => this.endNudge(), { capture: true });
    byId("class").addEventListener("change", (event) => this.changeClass(Number(event.target.value)));
    for (const name of ["remove", "mirror", "duplicate", "move"]) byId(name).addEventListener("click", () => this[name]());
    this.strip.addEventListener("keydown", (event) => this.walk(event));
  }

  get selected() { return this.scene.selected; }

  show() {
    const isAny = this.selected !== null;
    byId("selected").hidden = !isAny;
    byId("selected-hint").hidden = isAny;
    const object = isAny ? this.scene.object(this.selected) : null;
    byId("selected-name").textContent = isAny ? object.name : "Nothing selected";
    if (!isAny) return;
    byId("class").value = String(object.label);
    const count = this.classes[object.label]?.styles ?? 0;
    byId("style-part").hidden = count === 0;
    const isAsBefore = this.shown === `${this.scene.head.digest} ${this.selected}`;
    this.shown = `${this.scene.head.digest} ${this.selected}`;
    if (!isAsBefore) this.fillStyles(object, count);
  }

  /** A button for each style of the class, with a rendered picture of this object in it. */
  fillStyles(object, count) {
    const { digest, session } = this.scene.head;
    const hadFocus = this.strip.contains(document.activeElement);
    const pictures = [];
    this.loading?.abort();
    this.strip.replaceChildren(...Array.from({ length: count }, (_, style) => {
      const isOn = object.style === style;
      const image = make("img", { alt: "" });
      pictures.push([image, `/api/sessions/${session}/styles/${digest}/${this.selected}/${style}.jpg`]);
      return make("div", {
        class: "style", role: "option", "aria-selected": String(isOn), tabindex: isOn ? "0" : "-1",
        "aria-label": `Style ${style}`, onclick: () => this.restyle(style),
      }, image, isOn ? `${style} in use` : String(style));
    }));
    if (hadFocus) this.strip.querySelector('[tabindex="0"]')?.focus();
    this.loading = new AbortController();
    for (let i = 0; i < AT_ONCE; i++) this.load(pictures, this.loading.signal);
  }

  /** Gets the pictures that are left, [image, path], one after the other, until it is told to stop. */
  async load(pictures, signal) {
    while (pictures.length && !signal.aborted) {
      const [image, path] = pictures.shift();
      try {
        image.onload = () => URL.revokeObjectURL(image.src);
        image.src = URL.createObjectURL(await getBlob(path, signal));
      } catch { /* the scene has changed: its own pictures come */ }
    }
  }

  walk(event) {
    const entries = [...this.strip.children];
    const place = entries.indexOf(document.activeElement);
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (event.key in steps) entries[(place + steps[event.key] + entries.length) % entries.length]?.focus();
    else if (event.key === "Enter" || event.key === " ") this.restyle(place);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  focusStyles() { (this.strip.querySelector('[tabindex="0"]') ?? this.strip.firstElementChild)?.focus(); }

  // === Actions ===

  restyle(style) { return this.session.edit({ do: "restyle", object: this.selected, style }); }

  changeClass(label) { return this.session.edit({ do: "change_class", object: this.selected, label }); }

  remove() { return this.session.edit({ do: "remove", object: this.selected }); }

  mirror() { return this.session.edit({ do: "mirror", object: this.selected }); }

  /** Another one beside it: to the right if there is room, else to the left. */
  duplicate() {
    const [left, , right] = this.scene.boxes[this.selected];
    const width = right - left + 2;
    const by = [right + width <= this.scene.width ? width : -width, 0];
    return this.session.edit({ do: "duplicate", object: this.selected, by, keep_size: true, in_front: byId("in-front").checked });
  }

  move() {
    this.carry.takeObject(this.selected, "move");
    this.carry.over(this.scene.foot(this.selected), byId("keep-size").checked);
    this.session.tell("said", { message: "Click where it shall stand. Esc puts it back." });
  }

  /** Moves it by a few pixels; keys pressed quickly are one edit. */
  nudge(x, y) {
    const number = this.selected, foot = this.scene.foot(number);
    clearTimeout(this.nudged?.timer);
    const by = this.nudged ? [this.nudged.by[0] + x, this.nudged.by[1] + y] : [x, y];
    this.carry.takeObject(number, "move");
    this.carry.over([foot[0] + by[0], foot[1] + by[1]], byId("keep-size").checked);
    this.nudged = { by, to: [foot[0] + by[0], foot[1] + by[1]], load: this.carry.load, timer: setTimeout(() => this.endNudge(), 300) };
  }

  /** Puts down what was nudged, unless it was put back (Escape) since. */
  endNudge() {
    const { nudged } = this;
    this.nudged = null;
    clearTimeout(nudged?.timer);
    if (!nudged || this.carry.load !== nudged.load) return;
    this.carry.drop(nudged.to, { keepSize: byId("keep-size").checked, inFront: byId("in-front").checked });
  }
}
