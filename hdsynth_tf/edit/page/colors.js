// Colours of classes and objects. No table of many colours is safe for everybody, so names and outlines tell, too.

// Okabe and Ito's colours, of which neighbours differ for colour-blind people, and lighter and darker ones of them.
const OKABE_ITO = [
  [0, 114, 178], [230, 159, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233], [213, 94, 0], [240, 228, 66],
];
const SHADES = [0, 0.5, -0.5, 0.75, -0.25];

/** A table of colours for so many classes: hue by hue, then a step lighter, then darker. */
export function safeColors(count) {
  return Array.from({ length: count }, (_, i) => {
    const color = OKABE_ITO[i % OKABE_ITO.length];
    const shade = SHADES[Math.floor(i / OKABE_ITO.length) % SHADES.length];
    return color.map((value) => Math.round(shade >= 0 ? value + (255 - value) * shade : value * (1 + shade)));
  });
}

/** A colour for an object: its number times the golden angle as hue. */
export function objectColor(number) {
  const hue = (number * 0.381966) % 1;
  const value = number % 2 ? 0.95 : 0.65;
  return [0, 4, 2].map((shift) => {
    const ramp = Math.min(Math.max(Math.abs(((hue * 6 + shift) % 6) - 3) - 1, 0.15), 1);
    return Math.round(255 * value * ramp);
  });
}

export function css(color, alpha = 1) {
  return `rgb(${color[0]} ${color[1]} ${color[2]} / ${alpha})`;
}

/** The classes' colours, in the table that the person chose. */
export class Colors {
  constructor(classes) {
    this.own = classes.map((entry) => entry.color);
    this.safe = safeColors(classes.length);
    this.isSafe = localStorage.getItem("safe-colors") === "yes";
  }

  choose(isSafe) {
    this.isSafe = isSafe;
    localStorage.setItem("safe-colors", isSafe ? "yes" : "no");
  }

  of(label) { return (this.isSafe ? this.safe : this.own)[label] || [0, 0, 0]; }
}
