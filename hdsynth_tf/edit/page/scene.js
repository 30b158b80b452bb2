// The page's copy of the scene: which object each pixel is, as the server says. Nothing is ever read from a canvas.

export class Scene extends EventTarget {
  constructor() {
    super();
    this.head = null; // what the server said last
    this.map = null; // Uint16Array, number of the object at each pixel
    this.boxes = []; // of each object: [left, top, right, bottom], right and bottom not included, or null
    this.areas = [];
    this.selected = null; // number of an object, or null
    this.hovered = null;
  }

  get width() { return this.head ? this.head.size[1] : 1; }
  get height() { return this.head ? this.head.size[0] : 1; }

  /** Takes what the server sent: all of a scene, or the part of it that an edit changed. */
  take({ head, numbers }) {
    const [left, top, width, height] = head.part;
    const isOther = head.session !== this.head?.session;
    const isNew = isOther || width * height === head.size[0] * head.size[1];
    this.head = head;
    if (isNew) {
      this.map = numbers;
    } else {
      for (let y = 0; y < height; y++) {
        this.map.set(numbers.subarray(y * width, (y + 1) * width), (top + y) * this.width + left);
      }
    }
    if (width * height > 0) this.measure();
    this.boxes.length = Math.max(this.boxes.length, head.objects.length);
    if (isOther || !this.isThere(this.selected)) this.selected = null;
    this.hovered = null;
    this.tell("changed", { part: isNew ? [0, 0, this.width, this.height] : head.part, isNew, isOther });
  }

  /** Finds the box and the area of every object. */
  measure() {
    const { width, height, map } = this;
    const count = this.head.objects.length;
    const left = new Int32Array(count).fill(width), right = new Int32Array(count);
    const top = new Int32Array(count).fill(height), bottom = new Int32Array(count);
    const area = new Int32Array(count);
    for (let y = 0, place = 0; y < height; y++) {
      for (let x = 0; x < width; ) {
        const object = map[place];
        const start = x;
        while (x < width && map[place] === object) { x++; place++; }
        area[object] += x - start;
        if (start < left[object]) left[object] = start;
        if (x > right[object]) right[object] = x;
        if (y < top[object]) top[object] = y;
        bottom[object] = y + 1;
      }
    }
    this.areas = Array.from(area);
    this.boxes = this.areas.map((pixels, i) => (pixels ? [left[i], top[i], right[i], bottom[i]] : null));
  }

  isThere(object) { return Boolean(this.boxes[object]); }

  object(number) {
    const [label, instance, style, isChosen, name, isCounted] = this.head.objects[number];
    return { label, instance, style, isChosen, name, isCounted };
  }

  /** Number of the object at a pixel, or null outside. */
  at(x, y) {
    x = Math.floor(x); y = Math.floor(y);
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return null;
    return this.map[y * this.width + x];
  }

  select(number) {
    if (this.selected === number) return;
    this.selected = number;
    this.tell("selected");
  }

  hover(number) {
    if (this.hovered === number) return;
    this.hovered = number;
    this.tell("hovered");
  }

  /** Column of the middle and row of the lowest pixels of an object, as the server has it. */
  foot(number) {
    const [left, , right, bottom] = this.boxes[number];
    return [left + Math.floor((right - left) / 2), bottom - 1];
  }

  tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }
}
