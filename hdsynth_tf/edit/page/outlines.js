// Outlines of objects as paths in pixels of the scene.

/** The border of an object, and the object itself, as Path2D. */
export function trace(scene, number) {
  const border = new Path2D(), inside = new Path2D();
  const box = scene.boxes[number];
  if (!box) return { border, inside };
  const [left, top, right, bottom] = box;
  const { map, width } = scene;
  const is = (x, y) => x >= left && x < right && y >= top && y < bottom && map[y * width + x] === number;
  for (let y = top; y <= bottom; y++) { // lines between rows, in runs
    let start = null;
    for (let x = left; x <= right; x++) {
      const edge = x < right && is(x, y) !== is(x, y - 1);
      if (edge && start === null) start = x;
      if (!edge && start !== null) { border.moveTo(start, y); border.lineTo(x, y); start = null; }
    }
  }
  for (let x = left; x <= right; x++) { // lines between columns
    let start = null;
    for (let y = top; y <= bottom; y++) {
      const edge = y < bottom && is(x, y) !== is(x - 1, y);
      if (edge && start === null) start = y;
      if (!edge && start !== null) { border.moveTo(x, start); border.lineTo(x, y); start = null; }
    }
  }
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; ) {
      if (!is(x, y)) { x++; continue; }
      const start = x;
      while (is(x, y)) x++;
      inside.rect(start, y, x - start, 1);
    }
  }
  return { border, inside };
}

/** Keeps the outlines of a scene until it changes. */
export class Outlines {
  constructor(scene) {
    this.scene = scene;
    this.kept = new Map();
    scene.addEventListener("changed", (event) => {
      const [, , width, height] = event.detail.part;
      if (width * height) this.kept.clear();
    });
  }

  of(number) {
    if (!this.kept.has(number)) this.kept.set(number, trace(this.scene, number));
    return this.kept.get(number);
  }
}
