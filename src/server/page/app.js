// Puts the page together: conversations (chat.js) and what shows them.
import {fetchModel} from "./api.js";
import {Chat} from "./chat.js";
import {Composer} from "./composer.js";
import {ConversationList} from "./conversation_list.js";
import {ConversationView} from "./conversation_view.js";
import {titleOf} from "./conversation.js";
import {openFile, saveFile} from "./exchange_file.js";
import {Notice} from "./notice.js";
import {SettingsDialog} from "./settings_dialog.js";
import {readSettings} from "./settings.js";
import {Sidebar} from "./sidebar.js";
import {Store} from "./store.js";
import {switchTheme} from "./theme.js";

const UNAUTHORIZED = 401;

const at = (id) => document.getElementById(id);

const store = new Store();
const notice = new Notice(at("notice"));
const progressLine = at("progress");

const chat = new Chat(store, readSettings(store.settings()), {
  onList: () => list.show(chat.conversations, chat.current.id),
  onConversation: showConversation,
  onGrowth(answer, progress) {
    progressLine.textContent = progress ?
      `Reading the prompt: ${progress.done} of ${progress.total} tokens` : "";
    view.grow();
  },
  onEnd(answer, status) {
    progressLine.textContent = "";
    view.end();
    composer.isAnswering = false;
    if (status === UNAUTHORIZED) askForKey();
  },
  onFullStore: () => notice.show(
    "The browser has no room for more: export conversations, then delete some."),
});

const view = new ConversationView(at("messages"), {
  onEdit: (index, text) => chat.edit(index, text),
  onRetry: (index) => chat.regenerate(index),
});

const composer = new Composer(at("composer"), {
  onSend: (text) => chat.send(text),
  onStop: () => chat.stop(),
});

const sidebar = new Sidebar(at("sidebar"), at("menu"));

const list = new ConversationList(at("conversations"), {
  onOpen(id) {
    sidebar.close();
    chat.open(id);
  },
  onRename: (id, title) => chat.rename(id, title),
  onRemove(id) {
    const removed = chat.remove(id);
    composer.focus();
    notice.show(`Deleted “${titleOf(removed)}”.`,
                {label: "Undo", run: () => chat.restore(removed)});
  },
});

const settingsDialog = new SettingsDialog(at("settings"), (settings) => {
  chat.settings = settings;
  store.saveSettings(settings);
  showModel();
});

function showConversation() {
  const title = titleOf(chat.current);
  at("title").textContent = title;
  document.title = chat.current.title ? `${title} - Trinity` : "Trinity";
  document.body.classList.toggle("empty", chat.current.messages.length === 0);
  progressLine.textContent = "";
  view.show(chat.current, chat.isAnswering);
  composer.isAnswering = chat.isAnswering;
  // A button of a message was pressed and has gone with it: the keyboard goes on from here.
  if (document.activeElement === document.body) at("messages").focus();
}

function askForKey() {
  settingsDialog.open(chat.settings, "api_key");
}

async function showModel() {
  try {
    const model = await fetchModel(chat.settings.api_key);
    at("model").textContent = model.id;
    at("model").title = `${model.max_model_len} tokens of context`;
    settingsDialog.showDefaults(model.default_sampling ?? {});
  } catch (error) {
    notice.show(error.message);
    if (error.status === UNAUTHORIZED) askForKey();
  }
}

function importConversations(text) {
  try {
    const {added, known} = store.importText(text);
    notice.show(`${added} conversations imported, ${known} were there already.`);
    chat.reload();
  } catch (error) {
    notice.show(error instanceof RangeError ? "The browser has no room for these conversations." :
      "This file holds no conversations that were exported here.");
  }
}

at("new").addEventListener("click", () => {
  sidebar.close();
  chat.openNew();
  composer.focus();
});
at("export").addEventListener("click", () => saveFile("trinity.json", store.exportText()));
at("import").addEventListener("click", () => openFile(importConversations));
at("open-settings").addEventListener("click", () => settingsDialog.open(chat.settings));
at("theme").addEventListener("click", switchTheme);

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || at("settings").open) return;
  if (!sidebar.close()) chat.stop();
});
// Another window of this page has written.
addEventListener("storage", () => chat.reload());
// Before the browser cuts the connections; not all browsers tell of it so early.
addEventListener("beforeunload", () => chat.leave());
addEventListener("pagehide", () => chat.leave());

if (!store.keeps) notice.show("The browser keeps nothing for this page: it will forget all this.");
chat.open(chat.conversations[0]?.id);
composer.focus();
showModel();
