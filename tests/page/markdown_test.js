// The body of an async function, run in the page: see page_test.py.
const {showMarkdown} = await import("/page/markdown.js");

function shown(text) {
  const container = document.createElement("div");
  showMarkdown(container, text);
  return container;
}

// As HTML, without the frames around code and tables.
function html(text) {
  const container = shown(text);
  container.querySelectorAll(".code-head").forEach((head) => head.remove());
  container.querySelectorAll("a").forEach((a) => ["target", "rel"].forEach(
    (name) => a.removeAttribute(name)));
  return container.innerHTML.replace(/ (tabindex="0"|class="(code|table)")/g, "")
    .replaceAll("&amp;", "&");
}

const link = (target, text = target) => `<a href="${target}">${text}</a>`;

const SPANS = {
  "**bold** *emphasis* __bold__ _emphasis_ ~~gone~~":
    "<strong>bold</strong> <em>emphasis</em> <strong>bold</strong> <em>emphasis</em> <s>gone</s>",
  "***both*** **a *b* c**":
    "<em><strong>both</strong></em> <strong>a <em>b</em> c</strong>",
  "**a*b***": "<strong>a<em>b</em></strong>",
  "snake_case_name 2 * 3 * 4 ** open ~one~": "snake_case_name 2 * 3 * 4 ** open ~one~",
  "*a": "*a",
  "`a*b*` ``c`d`` `open": "<code>a*b*</code> <code>c`d</code> `open",
  "\\*a\\* \\\\`b`": "*a* \\<code>b</code>",
  "\\``a`": "`<code>a</code>",
  "one\ntwo\\\nthree": "one\ntwo<br>three",
  "[a *b*](https://x.org/y?z=1&w \"title\")": link("https://x.org/y?z=1&w", "a <em>b</em>"),
  "[a](<https://x.org/b c>)": link("https://x.org/b%20c", "a"),
  "[https://x.org](https://x.org/)": link("https://x.org/", "https://x.org"),
  "![alt](https://x.org/a.png)": link("https://x.org/a.png", "alt"),
  "<https://x.org/> https://x.org/(a). (https://x.org/b)":
    `${link("https://x.org/")} ${link("https://x.org/(a)")}. (${link("https://x.org/b")})`,
  "[a](mailto:a@x.org)": link("mailto:a@x.org", "a"),
  "[a](page.html) [b] [c]()": "[a](page.html) [b] [c]()",
  "[a [b](https://x.org/) c](https://y.org/)":
    `[a ${link("https://x.org/", "b")} c](${link("https://y.org/")})`,
};
for (const [text, expected] of Object.entries(SPANS)) equal(html(text), `<p>${expected}</p>`, text);

const BLOCKS = {
  "# One #\n###### Six\n#hash": "<h3>One</h3><h6>Six</h6><p>#hash</p>",
  "a\n\nb\n***": "<p>a</p><p>b</p><hr>",
  "```c++ x\n*a*\n  b\n```\nc": "<div><pre><code>*a*\n  b</code></pre></div><p>c</p>",
  "~~~\n```\n": "<div><pre><code>```\n</code></pre></div>",
  "- a\n- b\n  - c\n\n  d\n- e":
    "<ul><li><p>a</p></li><li><p>b</p><ul><li><p>c</p></li></ul><p>d</p></li>" +
    "<li><p>e</p></li></ul>",
  "2. a\n3. b\nlazy\n\n* c":
    "<ol start=\"2\"><li><p>a</p></li><li><p>b\nlazy</p></li></ol><ul><li><p>c</p></li></ul>",
  "1. a\n   ```\n   x\n   ```": "<ol><li><p>a</p><div><pre><code>x</code></pre></div></li></ol>",
  "It was in\n1914. So": "<p>It was in\n1914. So</p>",
  "> a\nb\n> - c": "<blockquote><p>a\nb</p><ul><li><p>c</p></li></ul></blockquote>",
  "|a|b|\n|-|:-:|\n|1|*2*|\n|x \\| y|\n\nend":
    "<div><table><thead><tr><th>a</th><th class=\"align-center\">b</th></tr></thead><tbody>" +
    "<tr><td>1</td><td class=\"align-center\"><em>2</em></td></tr>" +
    "<tr><td>x | y</td><td class=\"align-center\"></td></tr></tbody></table></div><p>end</p>",
  "a | b\nno table": "<p>a | b\nno table</p>",
};
for (const [text, expected] of Object.entries(BLOCKS)) equal(html(text), expected, text);

const HOSTILE = [
  "<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "&lt;b&gt; &#60;b&#62;",
  "[a](javascript:alert(1))", "[a](JaVaScRiPt:alert(1))", "[a](data:text/html,<script>)",
  "[a](\u0001javascript:alert(1))", "<javascript:alert(1)>", "[a](vbscript:x)", "[a](//x.org)",
  "`<b>`", "```<b>\n<script>alert(1)</script>\n```", "|<b>|\n|-|\n|<img src=x onerror=alert(1)>|",
  "# <svg onload=alert(1)>", "> <iframe src=https://x.org>", "- <b onclick=alert(1)>",
  "[<img src=x onerror=alert(1)>](https://x.org/\"onmouseover=\"alert(1))",
];
const ALLOWED = new Set(["A", "BLOCKQUOTE", "BUTTON", "CODE", "DIV", "H3", "LI", "P", "PRE", "SPAN",
                         "TABLE", "TBODY", "TD", "TH", "THEAD", "TR", "UL"]);
for (const text of HOSTILE) {
  for (const node of shown(text).querySelectorAll("*")) {
    equal(ALLOWED.has(node.tagName), true, `${node.tagName} out of ${text}`);
    for (const {name, value} of node.attributes) {
      equal(name.startsWith("on"), false, `${name} out of ${text}`);
      if (name === "href") equal(/^(https?|mailto):/.test(value), true, `${value} out of ${text}`);
    }
  }
}

// While a text grows, each state of it is shown as if it had been there from the beginning.
const grown = document.createElement("div");
const whole = Object.keys({...BLOCKS, ...SPANS}).join("\n\n");
for (let length = 0; length <= whole.length; length += 1 + (length % 3)) {
  showMarkdown(grown, whole.slice(0, length));
  equal(grown.innerHTML, shown(whole.slice(0, length)).innerHTML, `the first ${length} characters`);
}

// A block that is there already stays the same element, so that what is selected in it stays so.
showMarkdown(grown, "one\n\ntwo");
const [one] = grown.children;
showMarkdown(grown, "one\n\ntwo and more");
equal(grown.children[0] === one, true, "the first paragraph was kept");

// Texts that make parsers slow or deep. That they end is all there is to see.
const MANY = 20000;
for (const piece of ["*a ", "**a*_", "[", "![a](", "](", "> ", "- ", "`a``", "<https://", "|a", "#",
                     "[a](<", "[a](b \"", "1. ", "_a*", "~~"]) {
  shown(piece.repeat(MANY));
  shown(`${piece.repeat(100)}\n`.repeat(100));
}
shown("*a ".repeat(MANY) + "b* ".repeat(MANY));
shown("[".repeat(MANY) + "](https://x.org)".repeat(MANY));
