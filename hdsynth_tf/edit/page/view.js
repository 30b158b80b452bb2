// What is seen: the map as a picture, the photograph, zoom and pan. Canvases are only written to.

import { objectColor } from "./colors.js";

const LARGEST_ZOOM = 24;

export class View extends EventTarget {
  constructor(scene, colors) {
    super();
    Object.assign(this, { scene, colors });
    for (const id of ["stage", "sheet", "map", "photo", "before"]) this[id] = document.getElementById(id);
    this.kind = "photo";
    this.share = 0.5; // of the map in a blend
    this.scale = 1; this.left = 0; this.top = 0; // of the sheet on the stage
    this.isFitted = true;
    scene.addEventListener("changed", (event) => {
      if (event.detail.isNew) this.resize();
      this.draw(event.detail.part);
    });
    new ResizeObserver(() => this.place()).observe(this.stage);
  }

  /** For a scene of another size. */
  resize() {
    const { width, height } = this.scene;
    this.map.width = width; this.map.height = height;
    this.sheet.style.width = `${width}px`;
    this.sheet.style.height = `${height}px`;
    this.isFitted = true;
    this.place();
  }

  // === The map ===

  show(kind) {
    this.kind = kind;
    this.draw([0, 0, this.scene.width, this.scene.height]);
    this.dispatchEvent(new Event("shown"));
  }

  /** Paints a part of the map in the colours of classes or objects; borders of objects are dark. */
  draw([left, top, width, height]) {
    const hasPhoto = Boolean(this.photo.src);
    this.photo.hidden = !hasPhoto || this.kind === "labels" || this.kind === "instances";
    this.map.hidden = this.kind === "photo" && hasPhoto;
    this.map.style.opacity = this.kind === "blend" && hasPhoto ? this.share : 1;
    if (this.map.hidden || !this.scene.map) { this.isStale = true; return; }
    if (this.isStale) { [left, top, width, height] = [0, 0, this.scene.width, this.scene.height]; this.isStale = false; }
    const x1 = Math.min(left + width + 1, this.scene.width), y1 = Math.min(top + height + 1, this.scene.height);
    left = Math.max(left - 1, 0); top = Math.max(top - 1, 0); // borders of the neighbours change, too
    if (x1 <= left || y1 <= top) return;
    this.map.getContext("2d").putImageData(this.pixels(left, top, x1 - left, y1 - top), left, top);
  }

  pixels(left, top, width, height) {
    const { scene } = this;
    const ofObjects = scene.head.objects.map((_, number) =>
      this.kind === "instances" ? objectColor(number) : this.colors.of(scene.object(number).label));
    const pack = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
    const plain = Uint32Array.from(ofObjects, pack);
    const border = Uint32Array.from(ofObjects, (color) => pack(color.map((value) => value >> 1)));
    const image = new ImageData(width, height);
    const out = new Uint32Array(image.data.buffer);
    for (let y = 0, i = 0; y < height; y++) {
      let place = (top + y) * scene.width + left;
      for (let x = 0; x < width; x++, i++, place++) {
        const object = scene.map[place];
        const isBorder = (left + x > 0 && scene.map[place - 1] !== object)
          || (top + y > 0 && scene.map[place - scene.width] !== object);
        out[i] = (isBorder ? border : plain)[object];
      }
    }
    return image;
  }

  // === Zoom and pan ===

  place() {
    if (this.isFitted) this.fit();
    this.sheet.style.transform = `translate(${this.left}px, ${this.top}px) scale(${this.scale})`;
    this.dispatchEvent(new Event("placed"));
  }

  fit() {
    const { clientWidth, clientHeight } = this.stage;
    const { width, height } = this.scene;
    this.scale = Math.min(clientWidth / width, clientHeight / height);
    this.left = (clientWidth - width * this.scale) / 2;
    this.top = (clientHeight - height * this.scale) / 2;
  }

  zoom(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const smallest = Math.min(this.stage.clientWidth / this.scene.width, this.stage.clientHeight / this.scene.height) / 2;
    const scale = Math.min(Math.max(this.scale * factor, smallest), LARGEST_ZOOM);
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this.isFitted = false;
    this.place();
  }

  pan(x, y) {
    this.left += x; this.top += y;
    this.isFitted = false;
    this.place();
  }

  zoomToFit() {
    this.isFitted = true;
    this.place();
  }

  /** The same, so that a pixel's middle is its column and row. */
  pixel(event) { return this.point(event).map((value) => value - 0.5); }

  /** A pointer event's place in the scene; the pixel (x, y) reaches from x to x + 1. */
  point(event) {
    const box = this.stage.getBoundingClientRect();
    return [(event.clientX - box.left - this.left) / this.scale, (event.clientY - box.top - this.top) / this.scale];
  }
}
