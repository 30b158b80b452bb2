// The strip of all steps, with small photographs; a click goes there.

import { byId, make } from "./elements.js";

const WIDTH = 128;

export class HistoryStrip {
  constructor(scene, session, photos) {
    Object.assign(this, { scene, session, photos });
    this.list = byId("history");
    this.pictures = new Map(); // digest -> canvas
    scene.addEventListener("changed", () => this.fill());
    photos.addEventListener("shown", (event) => this.remember(event.detail));
  }

  get entries() {
    const { head } = this.scene;
    return [{ title: `${head.scene} as opened`, digest: head.opened }, ...head.steps];
  }

  fill() {
    const { head } = this.scene;
    const focused = [...this.list.children].findIndex((entry) => entry.contains(document.activeElement));
    this.list.replaceChildren(...this.entries.map(({ title, digest }, position) => {
      const picture = this.pictures.get(digest) ?? make("canvas", { width: 2, height: 1 });
      return make("li", {}, make("button", {
        title: position > head.position ? `${title} (undone)` : title, class: position > head.position ? "undone" : "",
        "aria-current": position === head.position ? "true" : null, onclick: () => this.session.edit({ do: "go_to", position }),
      }, picture, make("span", {}, title)));
    }));
    this.list.children[focused]?.firstElementChild.focus({ preventScroll: true });
    this.showPresent();
    byId("undo").disabled = head.position === 0;
    byId("redo").disabled = head.position === head.steps.length;
  }

  /** Brings the present step into view without moving the page. */
  showPresent() {
    const { list } = this;
    const entry = list.children[this.scene.head.position];
    const left = entry.offsetLeft - list.offsetLeft, right = left + entry.offsetWidth;
    if (left < list.scrollLeft) list.scrollLeft = left;
    else if (right > list.scrollLeft + list.clientWidth) list.scrollLeft = right - list.clientWidth;
  }

  /** Keeps a small copy of the photograph that is shown. */
  remember({ digest, kind }) {
    if (kind === "preview" && this.pictures.has(digest)) return;
    const canvas = make("canvas", { width: WIDTH, height: Math.round((WIDTH * this.scene.height) / this.scene.width) });
    canvas.getContext("2d").drawImage(this.photos.image, 0, 0, canvas.width, canvas.height);
    this.pictures.set(digest, canvas);
    if (this.pictures.size > 300) this.pictures.delete(this.pictures.keys().next().value);
    this.fill();
  }
}
