// Keys, each once, with what the help says of it.

import { byId, make } from "./elements.js";

export class Keys {
  /** `actions`: list of [keys, text, function(event)]; keys as `event.key`, "Ctrl+" and "Shift+" before it. */
  constructor(actions, isSpaceHeld) {
    this.table = new Map();
    for (const [keys, text, action] of actions) {
      for (const key of keys) this.table.set(key, action);
      byId("keys").append(make("div", {}, make("dt", {}, ...this.shown(keys)), make("dd", {}, text)));
    }
    byId("keys").append(make("div", {}, make("dt", {}, make("kbd", {}, "Space")), make("dd", {}, "held: drag moves the view")));
    document.addEventListener("keydown", (event) => this.press(event));
    for (const name of ["keydown", "keyup"]) {
      document.addEventListener(name, (event) => {
        const isDown = name === "keydown";
        if (event.key !== " " || (isDown && event.target !== byId("stage"))) return;
        isSpaceHeld(isDown);
        if (event.target !== byId("stage")) return;
        event.preventDefault();
      });
    }
  }

  shown(keys) {
    const arrows = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→" };
    return keys.filter((key) => key !== "Backspace" && key !== "=").flatMap((key) => {
      const name = key.replace(/Arrow\w+/, (arrow) => arrows[arrow]).replace(/(^|\+)[a-z]$/, (end) => end.toUpperCase());
      return [make("kbd", {}, name), " "];
    });
  }

  press(event) {
    const isTyping = event.target.matches?.("input:not([type=checkbox]):not([type=range]), select, textarea");
    if (document.querySelector("dialog[open]") || event.altKey) return;
    if (isTyping && event.key !== "Escape") return;
    const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
    const letter = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const shift = event.shiftKey && (control || letter.length > 1 || /[a-z]/.test(letter)) ? "Shift+" : "";
    if (event.target.matches?.("input[type=range]") && letter.startsWith("Arrow")) return;
    const action = this.table.get(control + shift + letter);
    if (!action) return;
    event.preventDefault();
    action(event);
  }
}
