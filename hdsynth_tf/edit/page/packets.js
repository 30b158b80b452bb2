// Packets, in which scenes come from the server and files go to it: the length of a JSON text, the text, and bytes.

import { postJson, request } from "/shared/net.js";

const LENGTH = 4; // bytes that say how long the JSON is

/** What the server sent: {head, numbers}, a JSON object and a Uint16Array. */
function unpack(body) {
  const length = new DataView(body).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(body, LENGTH, length)));
  return { head, numbers: new Uint16Array(body, LENGTH + length) };
}

export async function getPacket(path) {
  return unpack(await request(path, "arrayBuffer"));
}

/** Posts JSON; a packet is the answer. */
export async function post(path, content) {
  return unpack(await postJson(path, content, "arrayBuffer"));
}

/** Sends files in one body: their description as JSON, then their bytes. */
export async function putFiles(path, files) {
  const described = files.map(({ role, file }) => ({ role, name: file.name, length: file.size }));
  const head = new TextEncoder().encode(JSON.stringify({ files: described }));
  const length = new DataView(new ArrayBuffer(LENGTH));
  length.setUint32(0, head.length, true);
  const body = new Blob([length.buffer, head, ...files.map(({ file }) => file)]);
  return unpack(await request(path, "arrayBuffer", { method: "PUT", body }));
}
