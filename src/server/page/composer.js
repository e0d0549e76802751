import {fitHeight, makeTextBox} from "./text_box.js";

// The form below the conversation, with a button to send, or to stop while an answer grows.
export class Composer {
  #area;
  #send;
  #stop;

  constructor(form, {onSend, onStop}) {
    this.#area = form.querySelector("textarea");
    this.#send = form.querySelector("#send");
    this.#stop = form.querySelector("#stop");
    const send = () => {
      const text = this.#area.value;
      if (text.trim() === "" || this.#send.hidden) return;
      this.#area.value = "";
      fitHeight(this.#area);
      onSend(text);
    };
    makeTextBox(this.#area, send);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send();
    });
    this.#stop.addEventListener("click", onStop);
  }

  set isAnswering(isAnswering) {
    const hadFocus = document.activeElement === this.#stop || document.activeElement === this.#send;
    this.#send.hidden = isAnswering;
    this.#stop.hidden = !isAnswering;
    if (hadFocus) this.focus();  // what is hidden loses it
  }

  focus() {
    this.#area.focus();
  }
}
