import {element} from "./element.js";
import {SAMPLING_SETTINGS, TEXT_SETTINGS, readSettings} from "./settings.js";

const THINKING = [["", "as the model does"], ["on", "on"], ["off", "off"]];

function labelled(text, help, control) {
  const label = element("label", {}, element("span", {class: "label"}, text), control);
  if (help) label.append(element("span", {class: "help"}, help));
  return label;
}

function numberInput({name, min, max, isInteger, otherwise}) {
  return element("input", {name, type: "number", min: String(min), max: String(max),
                           step: isInteger ? "1" : "any",
                           placeholder: otherwise ?? "as the server has it"});
}

function textControls() {
  const options = THINKING.map(([value, text]) => element("option", {value}, text));
  return [
    labelled("System prompt", "", element("textarea", {name: "system_prompt", rows: "3"})),
    labelled("API key", "kept in this browser, sent to this server only",
             element("input", {name: "api_key", type: "password", autocomplete: "off"})),
    labelled("Thinking", "where the model knows it", element("select", {name: "thinking"},
                                                             ...options)),
  ];
}

// A dialog for the settings of settings.js.
export class SettingsDialog {
  #dialog;
  #form;

  // onSave(settings)
  constructor(dialog, onSave) {
    this.#dialog = dialog;
    this.#form = dialog.querySelector("form");
    const numbers = SAMPLING_SETTINGS.map(
      (setting) => labelled(setting.label, setting.help, numberInput(setting)));
    this.#form.querySelector(".fields").append(...textControls(), ...numbers);
    dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      dialog.close();
      onSave(this.#read());
    });
  }

  // What the server takes where a field is left empty.
  showDefaults(defaults) {
    for (const {name} of SAMPLING_SETTINGS) {
      if (!(name in defaults)) continue;
      this.#form.elements[name].placeholder = `${defaults[name]}, as the server has it`;
    }
  }

  open(settings, focusedName = "system_prompt") {
    for (const {name} of SAMPLING_SETTINGS) this.#form.elements[name].value = settings[name] ?? "";
    for (const name of TEXT_SETTINGS) this.#form.elements[name].value = settings[name] ?? "";
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#form.elements[focusedName].focus();
  }

  #read() {
    const {elements} = this.#form;
    const json = {};
    for (const {name} of SAMPLING_SETTINGS) {
      if (elements[name].value !== "") json[name] = Number(elements[name].value);
    }
    for (const name of TEXT_SETTINGS) json[name] = elements[name].value.trim();
    return readSettings(json);
  }
}
