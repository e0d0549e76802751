// A conversation as it is kept:
//   {id, title, created, changed, messages}      times in ms since 1970
//   {role: "user", content}
//   {role: "assistant", content, reasoning, state, failure, finish, stats}
// state: "growing", "complete", "stopped" by the user, or "failed"; failure: why, in words; finish:
// the server's finish_reason, or null; stats: see answer.js, or null.

const MAX_TITLE = 60;
const STATES = ["growing", "complete", "stopped", "failed"];

function newId() {
  // crypto.randomUUID is there only for pages that came through TLS or from the same machine.
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function newConversation() {
  const now = Date.now();
  return {id: newId(), title: "", created: now, changed: now, messages: []};
}

export function titleOf(conversation) {
  return conversation.title || "New conversation";
}

export function addQuestion(conversation, text) {
  conversation.messages.push({role: "user", content: text});
  conversation.title ||= text.trim().split("\n")[0].slice(0, MAX_TITLE);
  conversation.changed = Date.now();
}

// An answer to what there is so far, still empty.
export function addAnswer(conversation) {
  const answer = {role: "assistant", content: "", reasoning: "", state: "growing", failure: null,
                  finish: null, stats: null};
  conversation.messages.push(answer);
  return answer;
}

// Takes out the message at `index` and everything behind it.
export function cutAt(conversation, index) {
  conversation.messages.length = index;
  conversation.changed = Date.now();
}

// What the server is given: answers without their reasoning, as the model was trained to see them,
// and without those that have failed before their first word.
export function messagesToSend(conversation, systemPrompt) {
  const messages = conversation.messages
    .filter(({role, content}) => role === "user" || content !== "")
    .map(({role, content}) => ({role, content}));
  return systemPrompt ? [{role: "system", content: systemPrompt}, ...messages] : messages;
}

function readMessage(json) {
  const isText = typeof json?.content === "string";
  if (isText && json.role === "user") return {role: "user", content: json.content};
  if (!isText || json.role !== "assistant") throw new TypeError("not a message");
  // What grew when the page was closed grows no more.
  const state = json.state === "growing" || !STATES.includes(json.state) ? "stopped" : json.state;
  const textOr = (value, other) => (typeof value === "string" ? value : other);
  return {role: "assistant", content: json.content, reasoning: textOr(json.reasoning, ""), state,
          failure: textOr(json.failure, null), finish: textOr(json.finish, null),
          stats: readStats(json.stats)};
}

function readStats(json) {
  if (typeof json !== "object" || json === null) return null;
  return Object.fromEntries(Object.entries(json).filter(([, value]) => Number.isFinite(value)));
}

// A conversation out of JSON that anybody may have written. Throws TypeError where it is none.
export function readConversation(json) {
  const isConversation = typeof json?.id === "string" && /^[\w-]{1,64}$/.test(json.id) &&
    typeof json.title === "string" && Array.isArray(json.messages);
  if (!isConversation) throw new TypeError("not a conversation");
  const time = (value) => (Number.isFinite(value) ? value : Date.now());
  return {id: json.id, title: json.title, created: time(json.created), changed: time(json.changed),
          messages: json.messages.map(readMessage)};
}
