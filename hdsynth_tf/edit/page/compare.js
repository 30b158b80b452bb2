// Before and after: an earlier photograph over the present one, up to a line that a slider moves.

import { getBlob } from "/shared/net.js";
import { byId, setOptions } from "./elements.js";

const BRIGHTER = 3; // times, a difference is shown

export class Compare {
  constructor(scene, view, photos, history) {
    Object.assign(this, { scene, view, photos, history });
    this.isOn = false;
    byId("compare").addEventListener("click", () => this.toggle());
    byId("compare-with").addEventListener("change", () => this.load());
    byId("compare-at").addEventListener("input", () => this.place());
    byId("compare-difference").addEventListener("change", () => this.place());
    scene.addEventListener("changed", () => this.isOn && this.offer());
    view.addEventListener("placed", () => this.place());
  }

  toggle(isOn = !this.isOn) {
    this.isOn = isOn;
    byId("compare").setAttribute("aria-pressed", String(isOn));
    byId("compare-bar").hidden = !isOn;
    if (isOn) this.offer();
    this.place();
  }

  offer() {
    setOptions(byId("compare-with"), this.history.entries.map(({ title, digest }, i) => [digest, i ? `${i}. ${title}` : "as opened"]));
    this.load();
  }

  async load() {
    const path = this.photos.path(byId("compare-with").value, "full");
    if (this.loaded === path) return;
    this.asked = path;
    this.loaded = null; // nothing is shown until what was asked for last is there
    this.place();
    try {
      const blob = await getBlob(path);
      if (this.asked !== path) return;
      URL.revokeObjectURL(this.view.before.src);
      this.view.before.src = URL.createObjectURL(blob);
      this.loaded = path;
    } catch { /* a newer edit came first: its own `changed` asks again */ }
    this.place();
  }

  place() {
    const { before, stage, sheet, scale, left, scene } = this.view;
    before.hidden = !this.isOn || !this.loaded;
    const isDifference = byId("compare-difference").checked;
    const share = Number(byId("compare-at").value) / 100;
    sheet.style.filter = isDifference && !before.hidden ? `brightness(${BRIGHTER})` : "";
    before.style.mixBlendMode = isDifference ? "difference" : "normal";
    before.style.clipPath = isDifference ? "none" : `inset(0 ${100 * (1 - share)}% 0 0)`;
    const line = byId("compare-line");
    line.hidden = before.hidden || isDifference;
    line.style.left = `${Math.min(Math.max(left + share * scene.width * scale, 0), stage.clientWidth)}px`;
  }
}
