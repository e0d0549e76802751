import {copyText} from "./clipboard.js";
import {button} from "./element.js";

const SHOWN_MS = 1500;

// A button that copies what `text` returns, and says whether it could.
export function copyButton(text) {
  const node = button("Copy", async () => {
    node.textContent = (await copyText(text())) ? "Copied" : "Not allowed";
    setTimeout(() => (node.textContent = "Copy"), SHOWN_MS);
  });
  return node;
}
