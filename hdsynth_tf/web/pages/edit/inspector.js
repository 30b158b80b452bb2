// What can be done with the selected object: class, actions, styles.

import { byId, make, setOptions } from "./elements.js";

export class Inspector {
  constructor(scene, session, classes, carry, hasStyles) {
    Object.assign(this, { scene, session, classes, carry });
    this.strip = byId("styles");
    setOptions(byId("class"), classes.map((entry, label) => [label, entry.name]));
    byId("no-styles").hidden = hasStyles;
    scene.addEventListener("selected", () => this.show());
    scene.addEventListener("changed", () => this.show());
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
    this.strip.replaceChildren(...Array.from({ length: count }, (_, style) => {
      const isOn = object.style === style;
      const image = make("img", { alt: "", src: `/api/sessions/${session}/styles/${digest}/${this.selected}/${style}.jpg` });
      return make("div", {
        class: "style", role: "option", "aria-selected": String(isOn), tabindex: isOn ? "0" : "-1",
        "aria-label": `Style ${style}`, onclick: () => this.restyle(style),
      }, image, isOn ? `${style} in use` : String(style));
    }));
    if (hadFocus) this.strip.querySelector('[tabindex="0"]')?.focus();
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
    const number = this.selected;
    this.nudged = this.nudged ? [this.nudged[0] + x, this.nudged[1] + y] : [x, y];
    const foot = this.scene.foot(number);
    this.carry.takeObject(number, "move");
    this.carry.over([foot[0] + this.nudged[0], foot[1] + this.nudged[1]], byId("keep-size").checked);
    clearTimeout(this.nudging);
    this.nudging = setTimeout(() => {
      const to = [foot[0] + this.nudged[0], foot[1] + this.nudged[1]];
      this.nudged = null;
      this.carry.drop(to, { keepSize: byId("keep-size").checked, inFront: byId("in-front").checked });
    }, 300);
  }
}
