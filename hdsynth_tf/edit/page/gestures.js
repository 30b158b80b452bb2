// The pointer on the picture: hover, select, drag, paint, fill, pan, pinch.

const STILL = 4; // screen pixels that a pointer may move in a click
const WHEEL = 1.0015; // zoom of one unit of the wheel

export class Gestures {
  constructor(scene, session, view, overlay, carry, options) {
    Object.assign(this, { scene, session, view, overlay, carry, options });
    this.tool = "select";
    this.doing = null; // {kind, ...} from the press of a button to its release
    this.pointers = new Map(); // id -> last event, for pinching
    this.lastPoint = null; // where the last stroke ended, for straight lines
    this.isPanning = false; // while Space is held
    const { stage } = view;
    scene.addEventListener("changed", (event) => { if (event.detail.isOther) this.cancel(); });
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    stage.addEventListener("pointerup", (event) => this.up(event));
    stage.addEventListener("pointercancel", (event) => { this.pointers.delete(event.pointerId); if (this.doing) this.cancel(); });
    stage.addEventListener("pointerleave", () => this.leave());
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  get isPainting() { return this.tool === "brush"; }

  // === The pointer ===

  down(event) {
    if (!this.scene.map) return;
    this.view.stage.focus({ preventScroll: true });
    this.view.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, event);
    if (this.pointers.size === 2) { this.cancel(); this.doing = { kind: "pinch" }; return; }
    const point = this.view.point(event);
    if (event.button === 1 || this.tool === "pan" || this.isPanning) {
      this.doing = { kind: "pan" };
    } else if (event.button === 2) {
      if (this.tool !== "select") this.options.pickClass(this.scene.at(...point));
    } else if (this.carry.isLoaded) {
      this.doing = { kind: "carry" };
    } else if (this.tool === "brush") {
      this.beginStroke(point, event.shiftKey);
    } else if (this.tool === "fill") {
      this.fill(point);
    } else {
      this.doing = { kind: "press", object: this.scene.at(...point), pixel: this.view.pixel(event), x: event.clientX, y: event.clientY };
    }
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (before) this.pointers.set(event.pointerId, event);
    const point = this.view.point(event);
    const { doing } = this;
    if (doing?.kind === "pinch") return this.pinch(before, event);
    if (doing?.kind === "pan") return this.view.pan(event.clientX - before.clientX, event.clientY - before.clientY);
    if (doing?.kind === "stroke") return this.continueStroke(event);
    if (doing?.kind === "press" && Math.hypot(event.clientX - doing.x, event.clientY - doing.y) > STILL) return this.drag(event, doing);
    if (this.carry.isLoaded) { this.carry.over(this.view.pixel(event), this.keepSize(event)); return this.overlay.name(null); }
    if (!doing) this.hover(point, event);
  }

  /** A press became a drag: it moves an object. Sky or road move only once they are selected; else the view does. */
  drag(event, { object, pixel, x, y }) {
    if (object === null || !(this.scene.object(object).isCounted || object === this.scene.selected)) {
      this.doing = { kind: "pan" };
      this.overlay.name(null);
      return this.view.pan(event.clientX - x, event.clientY - y);
    }
    this.scene.select(object);
    this.carry.takeObject(object, "move", pixel);
    this.doing = { kind: "carry" };
    return this.move(event);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    const { doing } = this;
    this.doing = null;
    if (doing?.kind === "stroke") return this.endStroke(doing);
    if (doing?.kind === "carry") {
      const duplicate = event.ctrlKey || event.metaKey;
      return this.carry.drop(this.view.pixel(event), { keepSize: this.keepSize(event), inFront: this.options.inFront(), duplicate });
    }
    if (doing?.kind === "press") this.scene.select(doing.object);
  }

  leave() {
    this.scene.hover(null);
    this.overlay.brush = null;
    this.overlay.name(null);
    this.overlay.ask();
    this.options.under(null);
  }

  /** Forgets what was begun; false if nothing was. */
  cancel() {
    const had = this.doing !== null || this.carry.isLoaded;
    this.doing = null;
    this.overlay.line = null;
    this.carry.putAway();
    return had;
  }

  hover(point, event) {
    const began = performance.now();
    const number = this.scene.at(...point);
    this.scene.hover(this.tool === "pan" ? null : number);
    this.overlay.name(number === null || this.tool === "pan" ? null : this.scene.object(number).name, event);
    this.options.under(number);
    this.overlay.brush = this.isPainting && number !== null ? { at: point, radius: this.options.radius() } : null;
    if (this.overlay.brush) this.overlay.ask();
    performance.measure("hover", { start: began, end: performance.now() });
  }

  keepSize(event) { return this.options.keepSize() !== event.altKey; }

  // === Painting ===

  beginStroke(point, isStraight) {
    const start = point.map(Math.floor);
    const points = isStraight && this.lastPoint ? [this.lastPoint, start] : [start];
    this.scene.hover(null);
    this.overlay.name(null);
    this.overlay.brush = null;
    this.overlay.line = { points, radius: this.options.radius(), label: this.options.paintClass() };
    this.doing = { kind: "stroke", points };
    this.overlay.ask();
  }

  continueStroke(event) {
    const { points } = this.doing;
    for (const part of event.getCoalescedEvents?.() ?? [event]) {
      const [x, y] = this.view.point(part).map(Math.floor);
      const [lastX, lastY] = points.at(-1);
      if (x !== lastX || y !== lastY) points.push([x, y]);
    }
    this.overlay.ask();
  }

  async endStroke({ points }) {
    this.lastPoint = points.at(-1);
    const { line } = this.overlay;
    const { radius, label } = line;
    await this.session.edit({ do: "paint", points, radius, label, onto: this.options.onto(label), over: this.options.over() });
    if (this.overlay.line === line) this.overlay.line = null; // else it is the next one
    this.overlay.ask();
  }

  fill(point) {
    const label = this.options.paintClass();
    if (this.scene.at(...point) === null) return;
    this.session.edit({ do: "fill", at: point.map(Math.floor), label, onto: this.options.onto(label) });
  }

  // === Zoom ===

  wheel(event) {
    event.preventDefault();
    if (this.isPainting && event.shiftKey) {
      this.options.resizeBrush(event.deltaY + event.deltaX > 0 ? -1 : 1);
      return;
    }
    const box = this.view.stage.getBoundingClientRect();
    this.view.zoom(WHEEL ** -event.deltaY, event.clientX - box.left, event.clientY - box.top);
  }

  pinch(before, event) {
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (!other || !before) return;
    const distance = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY);
    const box = this.view.stage.getBoundingClientRect();
    const x = (event.clientX + other.clientX) / 2, y = (event.clientY + other.clientY) / 2;
    this.view.pan((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
    this.view.zoom(distance(event) / Math.max(distance(before), 1), x - box.left, y - box.top);
  }
}
