// Requests to the server. Every error becomes an Error whose message is for people; `status` says which kind.

const LENGTH = 4; // bytes that say how long the JSON of a packet is

async function request(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw Object.assign(new Error("The server does not answer. Is it still running?"), { status: 0 });
  }
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(told.error || `The server answered ${answer.status}.`), { status: answer.status });
  }
  return answer;
}

export async function getJson(path) {
  return (await request(path)).json();
}

export async function getBlob(path, signal) {
  return (await request(path, { signal })).blob();
}

/** A packet from the server: {head, numbers}, a JSON object and a Uint16Array. */
async function readPacket(answer) {
  const body = await answer.arrayBuffer();
  const length = new DataView(body).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(body, LENGTH, length)));
  return { head, numbers: new Uint16Array(body, LENGTH + length) };
}

export async function getPacket(path) {
  return readPacket(await request(path));
}

export async function post(path, content) {
  const headers = { "Content-Type": "application/json" };
  return readPacket(await request(path, { method: "POST", headers, body: JSON.stringify(content) }));
}

/** Sends files in one body: their description as JSON, then their bytes. */
export async function putFiles(path, files) {
  const described = files.map(({ role, file }) => ({ role, name: file.name, length: file.size }));
  const head = new TextEncoder().encode(JSON.stringify({ files: described }));
  const length = new DataView(new ArrayBuffer(LENGTH));
  length.setUint32(0, head.length, true);
  const body = new Blob([length.buffer, head, ...files.map(({ file }) => file)]);
  return readPacket(await request(path, { method: "PUT", body }));
}
