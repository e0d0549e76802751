import {titleOf} from "./conversation.js";
import {button, element} from "./element.js";

// The conversations by title; the current one with what can be done to it.
export class ConversationList {
  #list;
  #actions;

  // actions: {onOpen(id), onRename(id, title), onRemove(id)}
  constructor(list, actions) {
    this.#list = list;
    this.#actions = actions;
  }

  show(conversations, currentId) {
    if (this.#list.querySelector("input")) return;  // a title is being typed
    const hadFocus = this.#list.contains(document.activeElement);
    this.#list.replaceChildren(...conversations.map(
      (conversation) => this.#item(conversation, conversation.id === currentId)));
    if (hadFocus) this.#focusCurrent();
  }

  #focusCurrent() {
    this.#list.querySelector("[aria-current]")?.focus();
  }

  #item(conversation, isCurrent) {
    const {id} = conversation;
    const open = button(titleOf(conversation), () => this.#actions.onOpen(id),
                        {class: "title", "aria-current": isCurrent ? "true" : null});
    const item = element("li", {}, open);
    if (isCurrent) {
      item.append(element("div", {class: "actions"},
                          button("Rename", () => this.#rename(item, conversation)),
                          button("Delete", () => this.#actions.onRemove(id))));
    }
    return item;
  }

  #rename(item, conversation) {
    const input = element("input", {"aria-label": "Title", value: titleOf(conversation)});
    let isOver = false;
    const finish = (title) => {
      if (isOver) return;  // taking the input away blurs it
      isOver = true;
      input.remove();
      this.#actions.onRename(conversation.id, title);
      if (document.activeElement === document.body) this.#focusCurrent();
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        finish(conversation.title);
      }
      if (event.key === "Enter" && !event.isComposing) finish(input.value);
    });
    input.addEventListener("blur", () => finish(input.value));
    item.replaceChildren(input);
    input.select();
  }
}
