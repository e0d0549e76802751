// Shows Markdown as elements. Everything out of the text becomes text nodes and the targets of
// links, which safeTarget lets through: it cannot bring elements, attributes or scripts of its own.
import {copyButton} from "./copy_button.js";
import {element} from "./element.js";
import {parseBlocks} from "./markdown_blocks.js";
import {parseSpans} from "./markdown_spans.js";

const SPAN_ELEMENTS = {emphasis: "em", strong: "strong", strike: "s"};

function renderSpan(span) {
  if (typeof span === "string") return document.createTextNode(span);
  if (span.kind === "code") return element("code", {}, span.text);
  if (span.kind === "break") return element("br");
  const children = span.children.map(renderSpan);
  if (span.kind === "link") {
    const link = {href: span.target, target: "_blank", rel: "noopener noreferrer"};
    return element("a", link, ...children);
  }
  return element(SPAN_ELEMENTS[span.kind], {}, ...children);
}

function renderSpans(text) {
  return parseSpans(text).map(renderSpan);
}

function renderCode({language, text}) {
  const head = element("div", {class: "code-head"}, element("span", {}, language || "text"),
                       copyButton(() => text));
  // Reached by keyboard, since it may have to be scrolled.
  return element("div", {class: "code"}, head,
                 element("pre", {tabindex: "0"}, element("code", {}, text)));
}

function renderList({isOrdered, start, items}) {
  const rows = items.map((blocks) => element("li", {}, ...blocks.map(renderBlock)));
  if (!isOrdered) return element("ul", {}, ...rows);
  return element("ol", {start: start === 1 ? null : String(start)}, ...rows);
}

function renderTable({alignments, header, rows}) {
  const renderRow = (cells, name) => element("tr", {}, ...cells.map((cell, column) => element(
    name, {class: alignments[column] && `align-${alignments[column]}`}, ...renderSpans(cell))));
  const head = element("thead", {}, renderRow(header, "th"));
  const body = element("tbody", {}, ...rows.map((row) => renderRow(row, "td")));
  return element("div", {class: "table", tabindex: "0"}, element("table", {}, head, body));
}

// The headings of the page stand above those of an answer.
function renderHeading({level, text}) {
  return element(`h${Math.min(level + 2, 6)}`, {}, ...renderSpans(text));
}

const RENDERERS = {
  paragraph: ({text}) => element("p", {}, ...renderSpans(text)),
  heading: renderHeading,
  code: renderCode,
  rule: () => element("hr"),
  quote: ({blocks}) => element("blockquote", {}, ...blocks.map(renderBlock)),
  list: renderList,
  table: renderTable,
};

function renderBlock(block) {
  return RENDERERS[block.kind](block);
}

const sources = new WeakMap();  // of the elements of blocks

// Makes `container` show `text`. Blocks that it shows already stay as they are, and with them what
// is selected there and has the focus; a growing answer takes no more time than its last block.
export function showMarkdown(container, text) {
  const blocks = parseBlocks(text);
  blocks.forEach((block, index) => {
    const shown = container.children[index];
    if (shown && sources.get(shown) === block.source) return;
    const node = renderBlock(block);
    sources.set(node, block.source);
    if (shown) {
      shown.replaceWith(node);
    } else {
      container.append(node);
    }
  });
  while (container.children.length > blocks.length) container.lastElementChild.remove();
}
