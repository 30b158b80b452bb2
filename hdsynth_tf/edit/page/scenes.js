// The dialog with the data set's scenes.

import { byId, make } from "./elements.js";

const AT_A_TIME = 24;

export class SceneDialog {
  constructor(session, names) {
    Object.assign(this, { session, names });
    this.dialog = byId("scenes");
    byId("open-scenes").addEventListener("click", () => this.open());
    byId("more-scenes").addEventListener("click", () => this.more());
  }

  open() {
    if (!byId("scene-list").children.length) this.more();
    this.dialog.showModal();
  }

  more() {
    const list = byId("scene-list");
    const begin = list.children.length;
    this.names.slice(begin, begin + AT_A_TIME).forEach((name, i) => {
      const index = begin + i;
      list.append(make("button", { onclick: () => this.choose(index) },
        make("img", { alt: "", loading: "lazy", src: `/api/scenes/${index}.png` }), name));
    });
    byId("more-scenes").hidden = list.children.length >= this.names.length;
  }

  async choose(index) {
    this.dialog.close();
    try { await this.session.openScene(index); } catch (error) { this.session.tell("failed", { message: error.message }); }
  }
}
