import {button} from "./element.js";

const SHOWN_MS = 10_000;

// A line that tells what has happened, for some seconds, with something that can be done about it.
export class Notice {
  #line;
  #timer = null;

  constructor(line) {
    this.#line = line;
  }

  // action: {label, run()}, if any.
  show(text, action = null) {
    clearTimeout(this.#timer);
    this.#line.replaceChildren(text);
    if (action) {
      this.#line.append(" ", button(action.label, () => {
        this.hide();
        action.run();
      }));
    }
    this.#timer = setTimeout(() => this.hide(), SHOWN_MS);
  }

  hide() {
    this.#line.replaceChildren();
  }
}
