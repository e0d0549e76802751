// Puts a text on the clipboard; whether it could. Browsers have the newer way only for pages that
// came through TLS or from the same machine.
export async function copyText(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Not allowed here: the older way may be.
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "off-screen";
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return isDone;
}
