// What stands within a paragraph of Markdown, as a tree: texts and
//   {kind: "code", text}
//   {kind: "break"}
//   {kind: "emphasis" | "strong" | "strike", children}
//   {kind: "link", target, children}
// After CommonMark, without HTML, entities, images (a link in their place) and references.
// Time is linear in the text but for bounded searches, and nesting is bounded.

const MAX_OPENERS = 32;  // what waits for its other half, and so the depth of the tree
const MAX_RUN = 3;       // "****" is text

const PLAIN = /(?:(?!https?:\/\/)[^\\`*_~[\]!<\n])+/y;
const ESCAPED = /\\([!-/:-@[-`{-~])/y;
const BACKTICKS = /`+/y;
const DELIMITERS = /(\*+|_+|~+)/y;
const ANGLE_LINK = /<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/y;
const BARE_LINK = /https?:\/\/[^\s<>`]{1,2000}/y;
// (<target> "title"): in angle brackets or not, with a title or not.
const LINK_TARGET = new RegExp([
  /\(\s{0,9}/, /(?:<([^<>\n]{0,2000})>|((?:\\.|[^\s()\\]|\([^\s()\\]{0,999}\)){0,2000}))/,
  /(?:\s{1,9}(?:"[^"]{0,999}"|'[^']{0,999}'))?/, /\s{0,9}\)/,
].map(({source}) => source).join(""), "y");

const SPACE = /^\s?$/u;  // or the edge of the text
const PUNCTUATION = /^[\p{P}\p{S}]$/u;

// Only what a reader can follow without running anything: no javascript:, no data:.
export function safeTarget(target) {
  try {
    const url = new URL(target);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

// Whether a run of delimiters may open or close emphasis, by its neighbours (CommonMark, 6.2).
function sidesOf(char, before, after) {
  const spaceBefore = SPACE.test(before);
  const spaceAfter = SPACE.test(after);
  const markBefore = PUNCTUATION.test(before);
  const markAfter = PUNCTUATION.test(after);
  const left = !spaceAfter && (!markAfter || spaceBefore || markBefore);
  const right = !spaceBefore && (!markBefore || spaceAfter || markAfter);
  if (char !== "_") return {opens: left, closes: right};
  return {opens: left && (!right || markBefore), closes: right && (!left || markAfter)};
}

function fitTogether(opener, closer) {
  if (opener.char === "~") return opener.count === 2 && closer.count === 2;
  if (!opener.closes && !closer.opens) return true;
  // The rule by which "**a*b***" is strong around emphasis (CommonMark, rules 9 and 10).
  return (opener.whole + closer.whole) % 3 !== 0 || opener.whole % 3 === 0;
}

function isDelimiter(item) {
  return typeof item === "object" && item.kind === "delimiter";
}

function appendText(items, text) {
  if (typeof items.at(-1) === "string") {
    items[items.length - 1] += text;
  } else {
    items.push(text);
  }
}

// Items without delimiters: those that found no other half are text again.
function settled(items) {
  const result = [];
  for (const item of items) {
    if (isDelimiter(item)) {
      appendText(result, item.char.repeat(item.count));
    } else if (typeof item === "string") {
      appendText(result, item);
    } else {
      result.push(item);
    }
  }
  return result;
}

// Wraps what stands in `done` behind its delimiter at `index`; whether that has some left.
function wrap(done, index, closer) {
  const opener = done[index];
  const used = opener.count >= 2 && closer.count >= 2 ? 2 : 1;
  const strongKind = opener.char === "~" ? "strike" : "strong";
  const children = settled(done.splice(index + 1));
  opener.count -= used;
  closer.count -= used;
  if (opener.count === 0) done.pop();
  done.push({kind: used === 2 ? strongKind : "emphasis", children});
  return opener.count > 0;
}

function pairDelimiters(items) {
  const done = [];
  const openers = [];  // their indices in `done`
  for (const item of items) {
    if (!isDelimiter(item)) {
      done.push(item);
      continue;
    }
    while (item.closes && item.count > 0) {
      const at = openers.findLastIndex(
        (index) => done[index].char === item.char && fitTogether(done[index], item));
      if (at < 0) break;
      const index = openers[at];
      openers.length = at;  // those behind it stand in what is wrapped
      if (wrap(done, index, item)) openers.push(index);
    }
    if (item.count === 0) continue;
    if (item.opens && openers.length < MAX_OPENERS) openers.push(done.length);
    done.push(item);
  }
  return settled(done);
}

// {length: indices} of the runs of backticks, so that each finds its other half at once.
function backtickRuns(text) {
  const runs = new Map();
  for (const match of text.matchAll(/`+/g)) {
    const length = match[0].length;
    if (!runs.has(length)) runs.set(length, []);
    runs.get(length).push(match.index);
  }
  return runs;
}

class SpanParser {
  #text;
  #at = 0;
  #items = [];     // texts, nodes, and delimiters: {kind, char, count, whole, opens, closes}
  #brackets = [];  // what may begin a link: the index in #items of {kind: "bracket", text}
  #runs;

  constructor(text) {
    this.#text = text;
    this.#runs = backtickRuns(text);
  }

  parse() {
    while (this.#at < this.#text.length) {
      const known = this.#takeEscape() || this.#takeBreak() || this.#takeCode() ||
        this.#takeDelimiters() || this.#takeLink() || this.#takeBracket() || this.#takePlain();
      if (!known) this.#takeText(1);
    }
    return pairDelimiters(this.#items);
  }

  #match(pattern) {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text);
  }

  #takeText(length) {
    appendText(this.#items, this.#text.slice(this.#at, this.#at + length));
    this.#at += length;
    return true;
  }

  #takeNode(node, length) {
    this.#items.push(node);
    this.#at += length;
    return true;
  }

  #takePlain() {
    const match = this.#match(PLAIN);
    return match !== null && this.#takeText(match[0].length);
  }

  #takeEscape() {
    const match = this.#match(ESCAPED);
    if (match === null) return false;
    appendText(this.#items, match[1]);
    this.#at += 2;
    return true;
  }

  #takeBreak() {
    const atLineEnd = this.#text[this.#at] === "\\" && this.#text[this.#at + 1] === "\n";
    return atLineEnd && this.#takeNode({kind: "break"}, 2);
  }

  #takeCode() {
    const match = this.#match(BACKTICKS);
    if (match === null) return false;
    const length = match[0].length;
    const runs = this.#runs.get(length) ?? [];  // none where an escape has cut a run
    while (runs.length > 0 && runs[0] <= this.#at) runs.shift();
    if (runs.length === 0) return this.#takeText(length);
    const inside = this.#text.slice(this.#at + length, runs[0]).replaceAll("\n", " ");
    const hasMargin = /^ .*[^ ].* $/.test(inside);
    const text = hasMargin ? inside.slice(1, -1) : inside;
    return this.#takeNode({kind: "code", text}, runs[0] + length - this.#at);
  }

  #takeDelimiters() {
    const match = this.#match(DELIMITERS);
    if (match === null) return false;
    const count = match[0].length;
    const char = match[0][0];
    if (count > MAX_RUN) return this.#takeText(count);
    const before = this.#text[this.#at - 1] ?? "";
    const after = this.#text[this.#at + count] ?? "";
    const delimiter = {kind: "delimiter", char, count, whole: count};
    return this.#takeNode({...delimiter, ...sidesOf(char, before, after)}, count);
  }

  // Links that are spelled out: <https://...> and https://...
  #takeLink() {
    const angle = this.#match(ANGLE_LINK);
    if (angle !== null) return this.#takeSpelled(angle[1], angle[0].length);
    // Between brackets it is the text of another link.
    if (this.#brackets.length > 0) return false;
    const bare = this.#match(BARE_LINK);
    if (bare === null) return false;
    // The end of a sentence, or of what surrounds the link, is not part of it.
    let target = bare[0].replace(/[.,;:!?'"*_~\]]{1,99}$/, "");
    if (target.endsWith(")") && !target.includes("(")) target = target.slice(0, -1);
    return this.#takeSpelled(target, target.length);
  }

  #takeSpelled(text, length) {
    const target = safeTarget(text);
    if (target === null) return this.#takeText(length);
    return this.#takeNode({kind: "link", target, children: [text]}, length);
  }

  #takeBracket() {
    const sign = this.#text.startsWith("![", this.#at) ? "![" : this.#text[this.#at];
    if (sign.endsWith("[")) {
      if (this.#brackets.length >= MAX_OPENERS) return false;
      this.#brackets.push(this.#items.length);
      return this.#takeNode({kind: "bracket", text: sign}, sign.length);
    }
    if (sign !== "]" || this.#brackets.length === 0) return false;
    const index = this.#brackets.pop();
    ++this.#at;
    const match = this.#match(LINK_TARGET);
    const target = match === null ? null : safeTarget(match[1] ?? match[2]);
    if (target === null) {
      appendText(this.#items, "]");
      return true;
    }
    const children = pairDelimiters(this.#items.splice(index).slice(1));
    this.#brackets = [];  // there are no links in links
    return this.#takeNode({kind: "link", target, children}, match[0].length);
  }
}

// What is left of brackets that began no link.
function withoutBrackets(nodes) {
  const result = [];
  for (const node of nodes) {
    const plain = node.kind === "bracket" ? node.text : node;
    if (typeof plain === "string") {
      appendText(result, plain);
    } else {
      result.push(plain.children ? {...plain, children: withoutBrackets(plain.children)} : plain);
    }
  }
  return result;
}

export function parseSpans(text) {
  return withoutBrackets(new SpanParser(text).parse());
}
