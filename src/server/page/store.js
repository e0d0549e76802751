// What the browser keeps: conversations, each under its own key, and settings. Nothing of it goes
// to the server but what a request holds.
import {readConversation} from "./conversation.js";

const CONVERSATION = "trinity.conversation.";
const SETTINGS = "trinity.settings";
const EXPORT_FORMAT = "trinity-conversations";
const EXPORT_VERSION = 1;

// Null where the browser keeps nothing for this page.
function openStorage() {
  try {
    const probe = "trinity.probe";
    localStorage.setItem(probe, "");
    localStorage.removeItem(probe);
    return localStorage;
  } catch {
    return null;
  }
}

function parseOrNull(text, read = (json) => json) {
  try {
    return read(JSON.parse(text));
  } catch {
    return null;
  }
}

export class Store {
  #storage = openStorage();

  get keeps() {
    return this.#storage !== null;
  }

  // The newest first. What is damaged is left out, and left where it is.
  conversations() {
    const keys = this.#storage ? Object.keys(this.#storage) : [];
    return keys.filter((key) => key.startsWith(CONVERSATION))
      .map((key) => parseOrNull(this.#storage.getItem(key), readConversation))
      .filter((conversation) => conversation !== null)
      .sort((a, b) => b.changed - a.changed);
  }

  // Whether it is kept: not where the room that the browser gives is full.
  save(conversation) {
    return this.#put(CONVERSATION + conversation.id, conversation);
  }

  remove(id) {
    this.#storage?.removeItem(CONVERSATION + id);
  }

  settings() {
    const settings = parseOrNull(this.#storage?.getItem(SETTINGS) ?? "{}");
    return typeof settings === "object" && settings !== null ? settings : {};
  }

  saveSettings(settings) {
    return this.#put(SETTINGS, settings);
  }

  exportText() {
    const file = {format: EXPORT_FORMAT, version: EXPORT_VERSION,
                  conversations: this.conversations()};
    return JSON.stringify(file, null, 1);
  }

  // {added, known}: how many were new, and how many there were already, which stay as they are.
  // Throws TypeError, with nothing taken in, where the text is not what exportText makes, and
  // RangeError where there is no room for all of them.
  importText(text) {
    const file = parseOrNull(text);
    if (file?.format !== EXPORT_FORMAT || file.version !== EXPORT_VERSION) {
      throw new TypeError("not a file of exported conversations");
    }
    const conversations = file.conversations.map(readConversation);
    const ids = new Set(this.conversations().map(({id}) => id));
    const added = conversations.filter(({id}) => !ids.has(id));
    for (const conversation of added) {
      if (this.save(conversation)) continue;
      added.forEach(({id}) => this.remove(id));
      throw new RangeError("no room");
    }
    return {added: added.length, known: conversations.length - added.length};
  }

  #put(key, value) {
    try {
      this.#storage?.setItem(key, JSON.stringify(value));
      return this.#storage !== null;
    } catch {
      return false;
    }
  }
}
