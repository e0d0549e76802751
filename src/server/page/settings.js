// What a user may set for all conversations. A setting that is left empty is not sent, so that the
// server's own default applies.

// name: in requests and in the store; the bounds are those of the server; otherwise: what happens
// where it is left empty, if no number says that.
export const SAMPLING_SETTINGS = [
  {name: "temperature", label: "Temperature", min: 0, max: 100,
   help: "0: always the most likely token"},
  {name: "top_k", label: "Top k", min: 0, max: 1e6, isInteger: true,
   help: "keeps the k most likely tokens; 0: all"},
  {name: "top_p", label: "Top p", min: 0.001, max: 1,
   help: "keeps the fewest tokens that hold this share"},
  {name: "min_p", label: "Min p", min: 0, max: 1,
   help: "drops what is less likely than this share of the best"},
  {name: "max_tokens", label: "Max tokens", min: 1, max: 1e9, isInteger: true,
   help: "of an answer with its reasoning", otherwise: "to the end of the context"},
  {name: "seed", label: "Seed", min: 0, max: Number.MAX_SAFE_INTEGER, isInteger: true,
   help: "the same seed gives the same answer", otherwise: "another each time"},
];

// The rest: system_prompt, thinking ("on", "off" or "", as the model does), api_key.
export const TEXT_SETTINGS = ["system_prompt", "thinking", "api_key"];

// The settings in `json`, which the browser has kept, as far as they are valid.
export function readSettings(json) {
  const settings = {};
  for (const {name, min, max, isInteger} of SAMPLING_SETTINGS) {
    const value = json[name];
    const isValid = Number.isFinite(value) && value >= min && value <= max;
    if (isValid && (!isInteger || Number.isInteger(value))) settings[name] = value;
  }
  for (const name of TEXT_SETTINGS) {
    if (typeof json[name] === "string" && json[name] !== "") settings[name] = json[name];
  }
  return settings;
}

// The fields of a request that come from settings.
export function requestFields(settings) {
  const fields = {};
  for (const {name} of SAMPLING_SETTINGS) {
    if (name in settings) fields[name] = settings[name];
  }
  if (settings.thinking) {
    fields.chat_template_kwargs = {enable_thinking: settings.thinking === "on"};
  }
  return fields;
}
