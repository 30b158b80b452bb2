// Small helpers to make elements of the page.

/** An element with attributes, properties and children: make("button", {title: "x", onclick: f}, "text"). */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in element && typeof value !== "string") element[key] = value;
    else if (value !== null) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** Fills a select with [value, text] and keeps what was chosen. */
export function setOptions(select, entries) {
  const { value } = select;
  select.replaceChildren(...entries.map(([key, text]) => make("option", { value: String(key) }, text)));
  if (entries.some(([key]) => String(key) === value)) select.value = value;
}

export function swatch(color) {
  const square = make("span", { class: "swatch", "aria-hidden": "true" });
  square.style.background = color;
  return square;
}

export const byId = (id) => document.getElementById(id);
