// Makes an element: element("button", {type: "button", onclick: stop}, "Stop"). What begins with
// "on" is a listener; null and false leave an attribute out. Children are nodes or texts, never
// markup: no text of a model or of a user is read as HTML.
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) {
      node.addEventListener(key.slice(2), value);
    } else if (value !== null && value !== false) {
      node.setAttribute(key, value === true ? "" : value);
    }
  }
  node.append(...children);
  return node;
}

export function button(label, onclick, attributes = {}) {
  return element("button", {type: "button", onclick, ...attributes}, label);
}
