// Objects cut out of the data set: click one, then the place; or drag it there; Enter puts it where it stood.

import { byId, make, setOptions } from "./elements.js";

export class Library {
  constructor(session, view, carry, classes, entries) {
    Object.assign(this, { session, view, carry, classes, entries });
    this.list = byId("library");
    const labels = [...new Set(entries.map((entry) => entry.label))];
    setOptions(byId("library-class"), labels.map((label) => [label, classes[label].name]));
    const things = labels.filter((label) => classes[label].horizon !== null);
    if (things.length) byId("library-class").value = String(things.at(things.length > 1 ? 1 : 0));
    byId("library-class").addEventListener("change", () => this.fill());
    view.stage.addEventListener("dragover", (event) => this.over(event));
    view.stage.addEventListener("drop", (event) => this.drop(event));
    this.fill();
  }

  fill() {
    const label = Number(byId("library-class").value);
    if (!this.entries.length) this.list.textContent = "No whole objects were found in the scenes.";
    const own = this.entries.flatMap((entry, index) => (entry.label === label ? [index] : []));
    this.list.replaceChildren(...own.map((index, place) => {
      const name = `${this.classes[label].name} shape ${place + 1}`;
      return make("button", {
        title: `${name}: click, then click the place`, "aria-label": name, draggable: true,
        onclick: (event) => (event.detail === 0 ? this.putAtHome(index) : this.take(index)),
        ondragstart: (event) => { event.dataTransfer.setData("text/x-cut-out", String(index)); this.carry.takeCutOut(index); },
        ondragend: () => this.carry.putAway(),
      }, make("img", { alt: "", src: `/api/library/${index}.png`, draggable: false }));
    }));
  }

  take(index) {
    this.carry.takeCutOut(index);
    this.session.tell("said", { message: "Click where it shall stand. Esc puts it back." });
  }

  putAtHome(index) {
    this.carry.takeCutOut(index);
    this.carry.drop(this.carry.load.from, { keepSize: byId("keep-size").checked, inFront: byId("in-front").checked });
  }

  over(event) {
    if (this.carry.load?.kind !== "paste") return;
    event.preventDefault();
    this.carry.over(this.view.pixel(event), this.keepSize(event));
  }

  keepSize(event) { return byId("keep-size").checked !== event.altKey; }

  drop(event) {
    if (this.carry.load?.kind !== "paste") return;
    event.preventDefault();
    this.carry.drop(this.view.pixel(event), { keepSize: this.keepSize(event), inFront: byId("in-front").checked });
  }
}
