// The two pictures of a trial, drawn on canvases before they are seen; showing them is a change of opacity.

import { getBlob } from "/shared/net.js";

const BLOCK = 16;  // pixels of the mask's blocks
const SIDES = ["left", "right"];

const bitmap = async (url) => createImageBitmap(await getBlob(url));

function canvas(side) {
  const element = document.createElement("canvas");
  document.getElementById(side).append(element);
  return element;
}

// Two sets of canvases: while one is seen, the other is drawn.
export class Stage {
  constructor() {
    this.sets = [0, 1].map(() => Object.fromEntries(
      SIDES.map((side) => [side, { picture: canvas(side), mask: canvas(side) }])));
    this.turn = 0;
  }

  // Loads and draws a trial's pictures and their mask, out of sight; gives what `place` and the others take.
  async prepare(trial) {
    const [left, right] = await Promise.all([bitmap(trial.left), bitmap(trial.right)]);
    const set = this.sets[this.turn];
    this.turn = 1 - this.turn;
    for (const [side, picture] of [["left", left], ["right", right]]) {
      for (const element of Object.values(set[side])) {
        element.style.opacity = 0;
        element.width = trial.width;
        element.height = trial.height;
      }
      set[side].picture.getContext("2d").drawImage(picture, 0, 0);
      if (trial.duration) drawMask(set[side].mask, left, right);
    }
    left.close();
    right.close();
    return { set, trial };
  }

  // Fits the places of the pictures to the window; gives the scale, 1 where they fit at their own size.
  place({ width, height }) {
    const scale = fit(width, height);
    for (const side of SIDES) {
      const style = document.getElementById(side).style;
      style.width = `${width * scale}px`;
      style.height = `${height * scale}px`;
    }
    return scale;
  }

  show({ set }) {
    for (const side of SIDES) set[side].picture.style.opacity = 1;
  }

  hide({ set, trial }) {
    for (const side of SIDES) {
      set[side].picture.style.opacity = 0;
      set[side].mask.style.opacity = trial.duration ? 1 : 0;
    }
  }

  clear() {
    for (const set of this.sets) {
      for (const side of SIDES) for (const element of Object.values(set[side])) element.style.opacity = 0;
    }
  }
}

// How much smaller than their own size two pictures must be shown, for lack of room: 1 or less.
export function fit(width, height) {
  const narrow = innerWidth <= 900;
  const across = innerWidth - (narrow ? 16 + 28 : 32 + 40);
  const down = innerHeight - (document.getElementById("tie").hidden ? 200 : 255);
  return Math.min(1, across / (2 * width), down / height);
}

// Blocks of both pictures, shuffled: one still pattern of their colours, the same kind on both sides.
function drawMask(mask, left, right) {
  const context = mask.getContext("2d");
  const any = (length) => Math.floor(Math.random() * Math.max(1, length - BLOCK));
  for (let y = 0; y < mask.height; y += BLOCK) {
    for (let x = 0; x < mask.width; x += BLOCK) {
      const from = Math.random() < 0.5 ? left : right;
      context.drawImage(from, any(from.width), any(from.height), BLOCK, BLOCK, x, y, BLOCK, BLOCK);
    }
  }
}
