// Asks the server. Paths are relative, so that the page also works behind a proxy that gives it
// another place than /.
import {EventStream} from "./event_stream.js";

// What went wrong, in words for the user. status: of HTTP; 0: no answer.
export class ApiFailure extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

const UNREACHABLE = "The server cannot be reached. Is it still running?";
const LOST = "The connection was lost before the answer was complete. What had come is kept.";

function retryTime(response) {
  const seconds = Number(response.headers.get("Retry-After"));
  if (!(seconds > 0)) return "in a moment";
  return seconds === 1 ? "in a second" : `in ${seconds} seconds`;
}

async function refusal(response, apiKey) {
  let message = "";
  try {
    message = (await response.json()).error.message;
  } catch {
    message = response.statusText;  // not in the shape of the API: a proxy may have answered
  }
  switch (response.status) {
    case 401:
      return apiKey ? "The server does not accept this API key." : "The server wants an API key.";
    case 413:
      return "The conversation is too long for one request.";
    case 429:
      return `The server has too much to do. Try again ${retryTime(response)}.`;
    case 503:
      return `The server is not available (${message}). Try again ${retryTime(response)}.`;
    case 504:
      return "The answer took longer than the server allows.";
    default:
      return `The server refused the request: ${message} (status ${response.status})`;
  }
}

function headersFor(apiKey, contentType) {
  const headers = new Headers(contentType ? {"Content-Type": contentType} : {});
  try {
    if (apiKey) headers.set("Authorization", `Bearer ${apiKey}`);
  } catch {
    throw new ApiFailure("This API key holds characters that no key can hold.");
  }
  return headers;
}

// The response of the server where it accepts the request; throws ApiFailure where it does not, and
// AbortError once `signal` says so.
async function ask(path, apiKey, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    throw error.name === "AbortError" ? error : new ApiFailure(UNREACHABLE);
  }
  if (!response.ok) throw new ApiFailure(await refusal(response, apiKey), response.status);
  return response;
}

// {id, max_model_len, default_sampling} of the model that is served.
export async function fetchModel(apiKey) {
  const response = await ask("v1/models", apiKey, {headers: headersFor(apiKey)});
  return (await response.json()).data[0];
}

async function* readEvents(body) {
  const events = new EventStream();
  const reader = body.getReader();
  while (true) {
    const {done, value} = await reader.read();
    if (done) return;
    yield* events.append(value);
  }
}

const PROGRESS = /^prompt: (\d+) of (\d+) tokens/;

// The answer to a chat as it comes: {done, total} while the prompt is read, then chunks in the
// shape of OpenAI's chat.completion.chunk, the last with usage.
export async function* streamAnswer(request, apiKey, signal) {
  const body = JSON.stringify({...request, stream: true, stream_options: {include_usage: true}});
  const headers = headersFor(apiKey, "application/json");
  const response = await ask("v1/chat/completions", apiKey,
                             {method: "POST", headers, body, signal});
  let isComplete = false;
  try {
    for await (const {data, comment} of readEvents(response.body)) {
      const progress = PROGRESS.exec(comment ?? "");
      if (progress) yield {progress: {done: Number(progress[1]), total: Number(progress[2])}};
      // Read on to the end, so that the connection can be used again.
      if (data === "[DONE]") isComplete = true;
      if (data === undefined || isComplete) continue;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new ApiFailure(`The server gave up: ${chunk.error.message}`);
      yield {chunk};
    }
  } catch (error) {
    if (error.name === "AbortError" || error instanceof ApiFailure) throw error;
  }
  if (!isComplete) throw new ApiFailure(LOST);
}
