// The list of objects: the keyboard's way to what the pointer does on the picture.

import { byId, make, swatch } from "./elements.js";
import { css } from "./colors.js";

export class ObjectList {
  constructor(scene, classes, colors) {
    Object.assign(this, { scene, classes, colors });
    this.list = byId("objects");
    scene.addEventListener("changed", () => this.fill());
    scene.addEventListener("selected", () => this.mark());
    this.list.addEventListener("keydown", (event) => this.key(event));
  }

  /** Numbers in the order of the list: class by class, near ones first. */
  order() {
    const numbers = this.scene.boxes.flatMap((box, number) => (box ? [number] : []));
    const key = (number) => [this.scene.object(number).label, -this.scene.boxes[number][3]];
    return numbers.sort((a, b) => key(a)[0] - key(b)[0] || key(a)[1] - key(b)[1] || a - b);
  }

  fill() {
    const groups = new Map();
    this.numbers = this.order();
    for (const number of this.numbers) {
      const { label } = this.scene.object(number);
      if (!groups.has(label)) groups.set(label, []);
      groups.get(label).push(this.row(number));
    }
    this.list.replaceChildren(...[...groups].map(([label, rows]) => {
      const name = this.classes[label]?.name ?? `no class (${label})`;
      const head = rows.length > 1 ? [make("div", { class: "head", "aria-hidden": "true" }, `${name} (${rows.length})`)] : [];
      return make("div", { role: "group", "aria-label": name }, ...head, ...rows);
    }));
    this.mark();
  }

  row(number) {
    const object = this.scene.object(number);
    const share = (100 * this.scene.areas[number]) / (this.scene.width * this.scene.height);
    const style = object.style === null ? "" : `style ${object.style}${object.isChosen ? " (chosen)" : ""}`;
    return make("div", {
      role: "option", id: `object-${number}`, class: "object", "aria-selected": "false",
      onclick: () => { this.scene.select(number); this.list.focus(); },
      onpointerenter: () => this.scene.hover(number), onpointerleave: () => this.scene.hover(null),
    }, swatch(css(this.colors.of(object.label))), object.name,
    make("span", { class: "note" }, style || `${share < 1 ? share.toFixed(1) : Math.round(share)} %`));
  }

  mark() {
    this.list.querySelector('[aria-selected="true"]')?.setAttribute("aria-selected", "false");
    const { selected } = this.scene;
    const row = selected === null ? null : byId(`object-${selected}`);
    row?.setAttribute("aria-selected", "true");
    if (row) this.list.setAttribute("aria-activedescendant", row.id);
    else this.list.removeAttribute("aria-activedescendant");
    if (row) { // into view without moving the page
      const top = row.offsetTop - this.list.offsetTop;
      if (top < this.list.scrollTop + 30 || top + row.offsetHeight > this.list.scrollTop + this.list.clientHeight) {
        this.list.scrollTop = top - this.list.clientHeight / 2;
      }
    }
  }

  key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
    if (event.key === "Enter") { byId("class").focus(); event.preventDefault(); }
    if (!(event.key in steps) || !this.numbers.length) return;
    event.preventDefault();
    event.stopPropagation();
    const place = this.numbers.indexOf(this.scene.selected) + steps[event.key];
    this.scene.select(this.numbers[Math.min(Math.max(place, 0), this.numbers.length - 1)]);
  }
}
