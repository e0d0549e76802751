// A textarea for messages: as high as its text, Enter sends, Shift+Enter begins a line.

export function fitHeight(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + area.offsetHeight - area.clientHeight}px`;
}

export function makeTextBox(area, onSend) {
  area.addEventListener("input", () => fitHeight(area));
  area.addEventListener("keydown", (event) => {
    // While an input method composes a word, Enter chooses it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    onSend();
  });
}
