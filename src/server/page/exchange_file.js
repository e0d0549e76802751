import {element} from "./element.js";

// Lets the user save `text` as a file.
export function saveFile(name, text) {
  const url = URL.createObjectURL(new Blob([text], {type: "application/json"}));
  element("a", {href: url, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(url));
}

// Lets the user choose a file; onText(text) is called with what it holds.
export function openFile(onText) {
  const input = element("input", {type: "file", accept: ".json,application/json"});
  input.addEventListener("change", async () => onText(await input.files[0].text()));
  input.click();
}
