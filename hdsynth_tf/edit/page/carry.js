// Picking things up and putting them down: what is carried is seen under the pointer, as large as it will be there.

const SMALLEST = 0.25, LARGEST = 4; // factors, as in hdsynth_tf/editing/placement.py

export class Carry {
  constructor(scene, session, overlay, outlines, classes, library) {
    Object.assign(this, { scene, session, overlay, outlines, classes, library });
    this.load = null; // what is carried: {kind, number or cutout, label, from, draw, border}
    this.photo = document.getElementById("photo");
  }

  get isLoaded() { return this.load !== null; }

  /** How much larger a thing of a class gets when its lowest row moves. */
  factor(label, fromRow, toRow, keepSize) {
    const horizon = this.classes[label]?.horizon;
    const before = fromRow - horizon * this.scene.height;
    if (keepSize || horizon === null || horizon === undefined || before <= 0) return 1;
    return Math.min(Math.max((toRow - horizon * this.scene.height) / before, SMALLEST), LARGEST);
  }

  /** Takes up an object of the scene. `kind` is "move" or "duplicate"; `grip` where it is held. */
  takeObject(number, kind, grip = this.scene.foot(number)) {
    const { border, inside } = this.outlines.of(number);
    const foot = this.scene.foot(number);
    const draw = (context) => {
      context.save();
      context.clip(inside);
      if (this.photo.src) context.drawImage(this.photo, 0, 0, this.scene.width, this.scene.height);
      context.restore();
    };
    this.load = { kind, number, label: this.scene.object(number).label, from: foot, draw, border,
      hold: [grip[0] - foot[0], grip[1] - foot[1]] };
  }

  /** Takes an object out of the library. */
  takeCutOut(index) {
    const cut = this.library[index];
    const image = new Image();
    image.src = `/api/library/${index}.png`;
    image.onload = () => this.overlay.ask();
    const height = cut.height * this.scene.height, width = height * cut.aspect;
    const from = [Math.floor(cut.foot[0] * this.scene.width), Math.floor(cut.foot[1] * this.scene.height)];
    const draw = (context) => {
      context.imageSmoothingEnabled = false;
      if (image.complete) context.drawImage(image, from[0] - width / 2, from[1] + 1 - height, width, height);
    };
    const border = new Path2D();
    border.rect(from[0] - width / 2, from[1] + 1 - height, width, height);
    this.load = { kind: "paste", cutout: index, label: cut.label, from, draw, border, hold: [0, 0] };
  }

  /** Shows what is carried with its grip at a place of the scene; `point` as `View.pixel` has it. */
  over(point, keepSize) {
    const { load } = this;
    const to = [Math.round(point[0] - load.hold[0]), Math.round(point[1] - load.hold[1])];
    const factor = this.factor(load.label, load.from[1], to[1], keepSize);
    this.overlay.ghost = { from: load.from, to, factor, draw: load.draw, border: load.border };
    this.overlay.ask();
    return to;
  }

  /** Puts it down; resolves when the server has answered. */
  async drop(point, { keepSize, inFront, duplicate = false }) {
    const { load } = this;
    const to = this.over(point, keepSize);
    this.load = null;
    const by = [to[0] - load.from[0], to[1] - load.from[1]];
    const place = { keep_size: keepSize, in_front: inFront };
    if (load.kind === "paste") {
      await this.session.edit({ do: "paste", cutout: load.cutout, to, ...place });
    } else if (by[0] || by[1]) {
      const kind = duplicate ? "duplicate" : load.kind;
      await this.session.edit({ do: kind, object: load.number, by, ...place });
    }
    if (!this.isLoaded) this.putAway(); // else the next thing is carried already
  }

  putAway() {
    this.load = null;
    this.overlay.ghost = null;
    this.overlay.ask();
  }
}
