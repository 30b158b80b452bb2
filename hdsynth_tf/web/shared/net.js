// Requests to the server. Every error becomes an Error whose message is for people; its `status` is that of the answer,
// or 0 if there was none.

/** Asks, and reads the answer as `form`: "json", "blob", "text" or "arrayBuffer". */
export async function request(path, form, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
    if (answer.ok) return await answer[form]();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw Object.assign(new Error("The server does not answer. Is it still running?"), { status: 0 });
  }
  const told = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(told.error || `The server answered ${answer.status}.`), { status: answer.status });
}

export function getJson(path) {
  return request(path, "json");
}

export function getBlob(path, signal) {
  return request(path, "blob", { signal });
}

export function postJson(path, content, form = "json") {
  const headers = { "Content-Type": "application/json" };
  return request(path, form, { method: "POST", headers, body: JSON.stringify(content) });
}
