// Lets an answer grow out of the server's stream.
import {streamAnswer} from "./api.js";

// {promptTokens, cachedTokens, answerTokens, tokensPerSecond, firstTokenS}. The rate is that of the
// server where it tells, else that at which pieces came here.
function statsOf({usage, timings}, begun, first, last) {
  const answerTokens = usage.completion_tokens;
  const decodeS = timings ? timings.predicted_ms / 1000 : (last - first) / 1000;
  const stats = {
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    answerTokens,
  };
  // The first token comes with the prompt.
  if (answerTokens > 1 && decodeS > 0) stats.tokensPerSecond = (answerTokens - 1) / decodeS;
  if (first !== null) stats.firstTokenS = (first - begun) / 1000;
  return stats;
}

// Asks `request` and puts what comes into `answer`, a message of conversation.js. `onChange` is
// called after each piece, with {done, total} where it tells how far the prompt is. Ends with the
// answer complete, stopped (by `signal`) or failed; returns the status of the failure, or null.
export async function growAnswer(answer, request, {apiKey, signal, onChange}) {
  const begun = performance.now();
  let first = null;
  let last = null;
  try {
    for await (const {progress, chunk} of streamAnswer(request, apiKey, signal)) {
      const choice = chunk?.choices[0];
      const {content = "", reasoning_content: reasoning = ""} = choice?.delta ?? {};
      if (content || reasoning) {
        last = performance.now();
        first ??= last;
      }
      answer.content += content ?? "";
      answer.reasoning += reasoning ?? "";
      answer.finish = choice?.finish_reason ?? answer.finish;
      if (chunk?.usage) answer.stats = statsOf(chunk, begun, first, last);
      onChange(progress ?? null);
    }
    answer.state = "complete";
  } catch (error) {
    answer.state = error.name === "AbortError" ? "stopped" : "failed";
    if (answer.state === "failed") answer.failure = error.message;
    return error.status ?? null;
  }
  return null;
}
