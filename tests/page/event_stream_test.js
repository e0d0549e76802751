// The body of an async function, run in the page: see page_test.py.
const {EventStream} = await import("/page/event_stream.js");

const bytes = new TextEncoder().encode(
  ": a comment\n\ndata: één\r\ndata:two 𝄞\r\n\r\n:\r\rdata\n\nevent: x\ndata:  { }\rid: 1\r\r" +
  "event: y\n\ndata: not complete\n");
const expected = [
  {comment: "a comment"}, {data: "één\ntwo 𝄞"}, {comment: ""}, {data: ""}, {data: " { }"}];

function read(...parts) {
  const events = new EventStream();
  return parts.flatMap((part) => events.append(part));
}

equal(read(bytes), expected, "all at once");
equal(read(...Array.from(bytes, (byte) => Uint8Array.of(byte))), expected, "byte for byte");
for (let first = 0; first <= bytes.length; ++first) {
  for (let second = first; second <= bytes.length; ++second) {
    const parts = [bytes.slice(0, first), bytes.slice(first, second), bytes.slice(second)];
    equal(read(...parts), expected, `cut at ${first} and ${second}`);
  }
}
