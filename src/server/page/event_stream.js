// Server-sent events out of the bytes of an answer, the same however the network cuts them
// (WHATWG HTML, "Interpreting an event stream"; of its fields only data, which is all there is).
export class EventStream {
  #decoder = new TextDecoder();
  #line = "";
  #skipsLineFeed = false;  // the last character was a carriage return, which has ended a line
  #data = [];

  // What `bytes` completes, in order: {data: text} for an event, {comment: text} for a comment.
  append(bytes) {
    const found = [];
    let text = this.#decoder.decode(bytes, {stream: true});
    if (this.#skipsLineFeed && text !== "") {
      if (text.startsWith("\n")) text = text.slice(1);
      this.#skipsLineFeed = false;
    }
    const lines = text.split(/\r\n|\r|\n/);
    this.#skipsLineFeed ||= text.endsWith("\r");
    for (const ended of lines.slice(0, -1)) {
      this.#take(this.#line + ended, found);
      this.#line = "";
    }
    this.#line += lines.at(-1);
    return found;
  }

  #take(line, found) {
    if (line === "") {
      if (this.#data.length > 0) found.push({data: this.#data.join("\n")});
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (colon === 0) found.push({comment: value});
    if (field === "data") this.#data.push(value);
  }
}
