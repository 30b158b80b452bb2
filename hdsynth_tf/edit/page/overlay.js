// What lies over the picture: outlines, what is being dragged or painted, the name of what is under the pointer.

import { css } from "./colors.js";

export class Overlay {
  constructor(scene, view, outlines, colors) {
    Object.assign(this, { scene, view, outlines, colors });
    this.canvas = document.getElementById("overlay");
    this.tip = document.getElementById("tip");
    this.ghost = null; // {draw(context), border, from: [x, y], to: [x, y], factor}: see `drawGhost`
    this.line = null; // {points, radius, label}: a stroke being painted
    this.brush = null; // {at: [x, y], radius, label}
    this.isAsked = false;
    for (const name of ["changed", "selected", "hovered"]) scene.addEventListener(name, () => this.ask());
    for (const name of ["placed", "shown"]) view.addEventListener(name, () => this.ask());
  }

  /** Draws before the next frame, once. */
  ask() {
    if (this.isAsked) return;
    this.isAsked = true;
    requestAnimationFrame(() => { this.isAsked = false; this.draw(); });
  }

  draw() {
    const began = performance.now();
    const { canvas, view, scene } = this;
    const ratio = devicePixelRatio || 1;
    const width = Math.round(view.stage.clientWidth * ratio), height = Math.round(view.stage.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!scene.map) return;
    context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.left, ratio * view.top);
    if (scene.hovered !== null && scene.hovered !== scene.selected) this.outline(context, this.outlines.of(scene.hovered).border, 1.5);
    if (scene.selected !== null) this.outline(context, this.outlines.of(scene.selected).border, 3, [6, 4]);
    if (this.ghost) this.drawGhost(context);
    if (this.line) this.drawLine(context);
    if (this.brush) this.drawBrush(context);
    performance.measure("overlay", { start: began, end: performance.now() });
  }

  /** White on black, so that it is seen on everything; dashes say that an object is selected. */
  outline(context, path, thickness, dashes = []) {
    const unit = 1 / this.view.scale;
    context.lineJoin = "round";
    context.setLineDash([]);
    context.strokeStyle = "#000";
    context.lineWidth = (thickness + 2.5) * unit;
    context.stroke(path);
    context.strokeStyle = dashes.length ? "#ffe45c" : "#fff";
    context.lineWidth = thickness * unit;
    context.setLineDash(dashes.map((length) => length * unit));
    context.stroke(path);
    context.setLineDash([]);
  }

  /** An object on its way: `from` and `to` are where it stands, `factor` how much larger it gets. */
  drawGhost(context) {
    const { from, to, factor, draw, border } = this.ghost;
    context.save();
    context.translate(to[0] + 0.5, to[1] + 1);
    context.scale(factor, factor);
    context.translate(-from[0] - 0.5, -from[1] - 1);
    context.globalAlpha = 0.85;
    draw(context);
    context.globalAlpha = 1;
    if (border) this.outline(context, border, 2 / factor);
    context.restore();
  }

  drawLine(context) {
    const { points, radius, label } = this.line;
    context.strokeStyle = context.fillStyle = css(this.colors.of(label), 0.75);
    context.lineWidth = 2 * radius + 1;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    points.forEach(([x, y], i) => (i ? context.lineTo(x + 0.5, y + 0.5) : context.moveTo(x + 0.5, y + 0.5)));
    if (points.length === 1) context.lineTo(points[0][0] + 0.5, points[0][1] + 0.51);
    context.stroke();
  }

  drawBrush(context) {
    const { at, radius } = this.brush;
    const circle = new Path2D();
    circle.arc(at[0], at[1], radius + 0.5, 0, 2 * Math.PI);
    this.outline(context, circle, 1);
  }

  /** The name beside the pointer; nothing with `null`. */
  name(text, event) {
    this.tip.hidden = text === null;
    if (text === null) return;
    const box = this.view.stage.getBoundingClientRect();
    this.tip.textContent = text;
    const x = event.clientX - box.left + 14, y = event.clientY - box.top + 18;
    this.tip.style.left = `${Math.min(x, box.width - this.tip.offsetWidth - 4)}px`;
    this.tip.style.top = `${Math.min(y, box.height - this.tip.offsetHeight - 4)}px`;
  }
}
