// The blocks of Markdown, as a tree:
//   {kind: "paragraph", text}                 spans, see markdown_spans.js
//   {kind: "heading", level, text}            level 1 to 6
//   {kind: "code", language, text}
//   {kind: "rule"}
//   {kind: "quote", blocks}
//   {kind: "list", isOrdered, start, items}   items: arrays of blocks
//   {kind: "table", alignments, header, rows} alignments: "left", "right", "center" or null
// Those of the top level have `source`, the lines that they were made of. After CommonMark with
// GitHub's tables, without HTML, indented code and underlined headings. What is not complete yet,
// such as a fence without its end, is taken as far as it goes: answers are shown while they grow.

const MAX_DEPTH = 8;  // of quotes and lists in each other

const FENCE = /^( {0,12})(`{3,}|~{3,})\s*([^`\n]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?:\s+(.*))?$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const MARKER = /^( {0,12})(?:([-*+])|(\d{1,9})([.)]))(?: {1,4}(?! )| |$)/;

const isBlank = (line) => line.trim() === "";

function takeCode(lines, begin) {
  const [, indent, fence, info] = FENCE.exec(lines[begin]) ?? [];
  if (fence === undefined) return null;
  const isEnd = (line) => {
    const found = line.trim();
    return found.length >= fence.length && found === fence[0].repeat(found.length);
  };
  let end = begin + 1;
  while (end < lines.length && !isEnd(lines[end])) ++end;
  const content = lines.slice(begin + 1, end).map(
    (line) => line.slice(Math.min(indent.length, line.length - line.trimStart().length)));
  const block = {kind: "code", language: info.trim().split(/\s/)[0], text: content.join("\n")};
  return {block, end: Math.min(end + 1, lines.length)};
}

function takeHeading(lines, begin) {
  const match = HEADING.exec(lines[begin]);
  if (match === null) return null;
  const text = (match[2] ?? "").trim().replace(/(^|\s)#+$/, "").trim();
  return {block: {kind: "heading", level: match[1].length, text}, end: begin + 1};
}

function takeRule(lines, begin) {
  return RULE.test(lines[begin]) ? {block: {kind: "rule"}, end: begin + 1} : null;
}

function takeQuote(lines, begin, depth) {
  if (!QUOTE.test(lines[begin]) || depth >= MAX_DEPTH) return null;
  const content = [];
  let end = begin;
  for (; end < lines.length && !isBlank(lines[end]); ++end) {
    // A paragraph in a quote may go on without the sign.
    if (!QUOTE.test(lines[end]) && beginsBlock(lines, end)) break;
    content.push(lines[end].replace(QUOTE, ""));
  }
  return {block: {kind: "quote", blocks: parseLines(content, depth + 1)}, end};
}

// {sign, number, width}: what begins an item of a list, and how far its content is indented.
function markerOf(line) {
  const match = MARKER.exec(line);
  if (match === null || RULE.test(line)) return null;
  const [whole, , bullet, number, end] = match;
  return {sign: bullet ?? end, number: Number(number ?? 1), isOrdered: bullet === undefined,
          width: whole.endsWith(" ") ? whole.length : whole.length + 1};
}

function takeItem(lines, begin, width) {
  const content = [lines[begin].slice(width)];
  let end = begin + 1;
  for (; end < lines.length; ++end) {
    const line = lines[end].replace(/^\t+/, (tabs) => "    ".repeat(tabs.length));
    const isInside = line.slice(0, width).trim() === "";
    // A paragraph in an item may go on without the indentation.
    const goesOn = !isBlank(lines[end - 1]) && markerOf(line) === null && !beginsBlock(lines, end);
    if (!isInside && !goesOn) break;
    content.push(isInside ? line.slice(width) : line.trimStart());
  }
  return {content, end};
}

function takeList(lines, begin, depth) {
  const first = markerOf(lines[begin]);
  if (first === null || depth >= MAX_DEPTH) return null;
  const items = [];
  let end = begin;
  while (end < lines.length) {
    const marker = markerOf(lines[end]);
    if (marker?.sign !== first.sign) break;
    const item = takeItem(lines, end, marker.width);
    items.push(parseLines(item.content, depth + 1));
    end = item.end;
  }
  const {isOrdered, number: start} = first;
  return {block: {kind: "list", isOrdered, start, items}, end};
}

// The cells of a line of a table. A bar that belongs to a cell is written \|.
function cellsOf(line) {
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function alignmentOf(cell) {
  if (cell.endsWith(":")) return cell.startsWith(":") ? "center" : "right";
  return cell.startsWith(":") ? "left" : null;
}

// The second line of a table, |---|:--:|, as alignments, or null.
function alignmentsAt(lines, begin) {
  if (!lines[begin].includes("|") || begin + 1 >= lines.length) return null;
  const cells = cellsOf(lines[begin + 1]);
  const fits = cells.every((cell) => /^:?-+:?$/.test(cell)) &&
    cells.length === cellsOf(lines[begin]).length;
  return fits ? cells.map(alignmentOf) : null;
}

function takeTable(lines, begin) {
  const alignments = alignmentsAt(lines, begin);
  if (alignments === null) return null;
  const rows = [];
  let end = begin + 2;
  for (; end < lines.length && lines[end].includes("|"); ++end) {
    const cells = cellsOf(lines[end]);
    rows.push(alignments.map((_, column) => cells[column] ?? ""));
  }
  return {block: {kind: "table", alignments, header: cellsOf(lines[begin]), rows}, end};
}

// Whether the line ends a paragraph before it. A list does so only where it begins with 1, so that
// a year at the beginning of a line is no list.
function beginsBlock(lines, at) {
  const line = lines[at];
  const marker = markerOf(line);
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) ||
    (marker !== null && marker.number === 1) || alignmentsAt(lines, at) !== null;
}

function takeParagraph(lines, begin) {
  let end = begin + 1;
  while (end < lines.length && !isBlank(lines[end]) && !beginsBlock(lines, end)) ++end;
  const text = lines.slice(begin, end).map((line) => line.trim()).join("\n");
  return {block: {kind: "paragraph", text}, end};
}

function takeBlock(lines, begin, depth) {
  return takeCode(lines, begin) ?? takeHeading(lines, begin) ?? takeRule(lines, begin) ??
    takeQuote(lines, begin, depth) ?? takeList(lines, begin, depth) ?? takeTable(lines, begin) ??
    takeParagraph(lines, begin);
}

function parseLines(lines, depth) {
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    if (isBlank(lines[at])) {
      ++at;
      continue;
    }
    const {block, end} = takeBlock(lines, at, depth);
    blocks.push(depth > 0 ? block : {...block, source: lines.slice(at, end).join("\n")});
    at = end;
  }
  return blocks;
}

export function parseBlocks(text) {
  return parseLines(text.replace(/\r\n?/g, "\n").split("\n"), 0);
}
