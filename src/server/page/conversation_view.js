import {AnswerView, QuestionView} from "./message_view.js";

const NEAR_END = 80;  // pixels

// The messages of a conversation, in an element that scrolls. While an answer grows, its end stays
// in sight unless the reader has scrolled away from it.
export class ConversationView {
  #container;
  #onEdit;
  #onRetry;
  #last = null;  // the view of the last message
  #frame = null;

  // onEdit(index, text) and onRetry(index): see Chat.
  constructor(container, {onEdit, onRetry}) {
    this.#container = container;
    this.#onEdit = onEdit;
    this.#onRetry = onRetry;
  }

  show(conversation, isAnswering) {
    this.#cancelFrame();
    const views = conversation.messages.map((message, index) => (message.role === "user" ?
      new QuestionView(message, {onEdit: (text) => this.#onEdit(index, text)}) :
      new AnswerView(message, {onRetry: () => this.#onRetry(index)})));
    this.#container.replaceChildren(...views.map((view) => view.element));
    this.#last = views.at(-1) ?? null;
    this.#setBusy(isAnswering);
    this.#container.scrollTop = this.#container.scrollHeight;
  }

  // The last message has grown: shown with the next picture, since tokens may come faster.
  grow() {
    this.#frame ??= requestAnimationFrame(() => this.#update());
  }

  end() {
    this.#cancelFrame();
    this.#update();
    this.#setBusy(false);
  }

  #update() {
    this.#frame = null;
    const {scrollTop, scrollHeight, clientHeight} = this.#container;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
    this.#last.update();
    if (isAtEnd) this.#container.scrollTop = this.#container.scrollHeight;
  }

  // Screen readers read the answer once it is there, not each piece of it.
  #setBusy(isBusy) {
    this.#container.setAttribute("aria-busy", String(isBusy));
  }

  #cancelFrame() {
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#frame = null;
  }
}
