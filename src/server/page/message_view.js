import {copyButton} from "./copy_button.js";
import {button, element} from "./element.js";
import {showMarkdown} from "./markdown.js";
import {fitHeight, makeTextBox} from "./text_box.js";

// A message of the user. onEdit(text) is called with what it is to be instead.
export class QuestionView {
  element;
  #message;
  #onEdit;

  constructor(message, {onEdit}) {
    this.#message = message;
    this.#onEdit = onEdit;
    this.element = element("article", {class: "question", "aria-label": "Your message"});
    this.#show();
  }

  #show() {
    const actions = element("footer", {class: "actions"}, button("Edit", () => this.#edit()),
                            copyButton(() => this.#message.content));
    this.element.replaceChildren(element("div", {class: "text"}, this.#message.content), actions);
  }

  #edit() {
    const area = element("textarea", {rows: "1", "aria-label": "Your message, edited"});
    area.value = this.#message.content;
    const send = () => area.value.trim() !== "" && this.#onEdit(area.value);
    const cancel = () => {
      this.#show();
      this.element.querySelector("button").focus();
    };
    makeTextBox(area, send);
    const actions = element("div", {class: "actions"}, button("Send", send, {class: "primary"}),
                            button("Cancel", cancel));
    const form = element("div", {class: "editor"}, area, actions);
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      cancel();
    });
    this.element.replaceChildren(form);
    fitHeight(area);
    area.focus();
  }
}

const FINISH_TEXTS = {length: "ended at the limit of tokens"};

function rateText(rate) {
  return rate >= 100 ? Math.round(rate).toLocaleString("en") : rate.toPrecision(2);
}

// "23 tokens, 812 tokens/s, prompt of 17 tokens, 16 of them cached": what is known of an answer.
function statsText({state, finish, stats}) {
  const parts = [];
  if (stats) {
    parts.push(`${stats.answerTokens} tokens`);
    if (stats.tokensPerSecond) parts.push(`${rateText(stats.tokensPerSecond)} tokens/s`);
    if (stats.firstTokenS) parts.push(`first after ${stats.firstTokenS.toPrecision(2)} s`);
    parts.push(`prompt of ${stats.promptTokens} tokens, ${stats.cachedTokens} of them cached`);
  }
  if (state === "stopped") parts.push("stopped");
  if (FINISH_TEXTS[finish]) parts.push(FINISH_TEXTS[finish]);
  return parts.join(" · ");
}

// A message of the model: its reasoning folded, its text, and how it ended.
export class AnswerView {
  element;
  #message;
  #reasoning;
  #summary = element("summary");
  #thought = element("div", {class: "markdown"});
  #content = element("div", {class: "markdown content"});
  #failure;
  #words = element("span");
  #footer;
  #stats = element("span", {class: "stats"});

  // onRetry() is called for another answer in this one's place.
  constructor(message, {onRetry}) {
    this.#message = message;
    this.#reasoning = element("details", {class: "reasoning"}, this.#summary, this.#thought);
    this.#failure = element("div", {class: "failure", role: "alert"}, this.#words,
                            button("Try again", onRetry));
    this.#footer = element("footer", {class: "actions"}, copyButton(() => message.content),
                           button("Regenerate", onRetry), this.#stats);
    this.element = element("article", {class: "answer", "aria-label": "Answer"}, this.#reasoning,
                           this.#content, this.#failure, this.#footer);
    this.update();
  }

  update() {
    const {content, reasoning, state, failure} = this.#message;
    const isGrowing = state === "growing";
    this.element.classList.toggle("growing", isGrowing);
    this.#reasoning.hidden = reasoning === "";
    this.#summary.textContent = isGrowing && content === "" ? "Thinking…" : "Reasoning";
    showMarkdown(this.#thought, reasoning);
    showMarkdown(this.#content, content);
    this.#failure.hidden = state !== "failed";
    this.#words.textContent = failure ?? "";
    this.#footer.hidden = isGrowing || (state === "failed" && content === "");
    this.#stats.textContent = statsText(this.#message);
  }
}
