// What the user does to conversations, without anything of how it is shown. Several may be answered
// at the same time; each at most once.
import {growAnswer} from "./answer.js";
import {addAnswer, addQuestion, cutAt, messagesToSend, newConversation} from "./conversation.js";
import {requestFields} from "./settings.js";

export class Chat {
  settings;  // see settings.js
  #store;
  #listener;
  #conversations;
  #current = newConversation();  // kept once it has a message
  #running = new Map();          // {id: AbortController} of the conversations that are answered

  // listener: {onList(), onConversation(), onGrowth(answer, progress), onEnd(answer, status),
  // onFullStore()}. Those of answers are called for the current conversation only.
  constructor(store, settings, listener) {
    this.#store = store;
    this.settings = settings;
    this.#listener = listener;
    this.#conversations = store.conversations();
  }

  // The last changed first.
  get conversations() {
    return this.#conversations.toSorted((a, b) => b.changed - a.changed);
  }

  get current() {
    return this.#current;
  }

  get isAnswering() {
    return this.#running.has(this.#current.id);
  }

  open(id) {
    this.#show(this.#conversations.find((one) => one.id === id) ?? newConversation());
  }

  openNew() {
    this.#show(newConversation());
  }

  rename(id, title) {
    const conversation = this.#conversations.find((one) => one.id === id);
    conversation.title = title.trim();
    this.#keep(conversation);
    this.#listener.onList();
  }

  // The conversation that was removed, for `restore`.
  remove(id) {
    this.#running.get(id)?.abort();
    const removed = this.#conversations.find((one) => one.id === id);
    this.#conversations = this.#conversations.filter((one) => one.id !== id);
    this.#store.remove(id);
    if (id === this.#current.id) this.openNew();
    this.#listener.onList();
    return removed;
  }

  restore(conversation) {
    this.#conversations.push(conversation);
    this.#keep(conversation);
    this.#show(conversation);
  }

  // Takes over what the store holds now: something was imported, or another window has written.
  // Conversations that are answered here stay as they are here.
  reload() {
    const known = new Map(this.#conversations.map((one) => [one.id, one]));
    const isAnswered = ({id}) => this.#running.has(id);
    const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);
    const others = this.#store.conversations().filter((one) => !isAnswered(one))
      .map((one) => (isSame(one, known.get(one.id)) ? known.get(one.id) : one));
    this.#conversations = [...this.#conversations.filter(isAnswered), ...others];
    const current = this.#conversations.find(({id}) => id === this.#current.id);
    if (current && current !== this.#current) this.#show(current);
    this.#listener.onList();
  }

  send(text) {
    if (this.isAnswering || text.trim() === "") return;
    addQuestion(this.#current, text);
    this.#answer(this.#current);
  }

  // Another answer in the place of the message at `index`, and of all behind it.
  regenerate(index) {
    if (this.isAnswering) return;
    cutAt(this.#current, index);
    this.#answer(this.#current);
  }

  // Another question in the place of the message at `index`, and of all behind it.
  edit(index, text) {
    if (this.isAnswering || text.trim() === "") return;
    cutAt(this.#current, index);
    this.send(text);
  }

  stop() {
    this.#running.get(this.#current.id)?.abort();
  }

  // The page is left: answers that still grow are kept as far as they are, and stopped here, since
  // the end of their connections would look like a failure.
  leave() {
    this.#conversations.filter(({id}) => this.#running.has(id)).forEach((one) => this.#keep(one));
    this.#running.forEach((abort) => abort.abort());
  }

  #show(conversation) {
    this.#current = conversation;
    this.#listener.onConversation();
    this.#listener.onList();
  }

  #keep(conversation) {
    if (!this.#store.save(conversation) && this.#store.keeps) this.#listener.onFullStore();
  }

  async #answer(conversation) {
    const request = {messages: messagesToSend(conversation, this.settings.system_prompt),
                     ...requestFields(this.settings)};
    const abort = new AbortController();
    this.#running.set(conversation.id, abort);
    const answer = addAnswer(conversation);
    if (!this.#conversations.includes(conversation)) this.#conversations.push(conversation);
    this.#keep(conversation);
    this.#show(conversation);

    const isShown = () => conversation === this.#current;
    const onChange = (progress) => isShown() && this.#listener.onGrowth(answer, progress);
    const status = await growAnswer(
      answer, request, {apiKey: this.settings.api_key, signal: abort.signal, onChange});
    this.#running.delete(conversation.id);
    if (!this.#conversations.includes(conversation)) return;  // removed meanwhile
    conversation.changed = Date.now();
    this.#keep(conversation);
    if (isShown()) this.#listener.onEnd(answer, status);
    this.#listener.onList();
  }
}
