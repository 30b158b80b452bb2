// The conversation with the server about one scene: edits one after the other, and what to do when a session ended.

import { request } from "/shared/net.js";
import { getPacket, post, putFiles } from "./packets.js";

const KEPT = "editor-session"; // in sessionStorage: the session's name; in localStorage: the record

export class Session extends EventTarget {
  constructor(scene) {
    super();
    this.scene = scene;
    this.line = Promise.resolve(); // what is sent waits for the answers of what was sent before
    this.waiting = 0;
  }

  get path() { return `/api/sessions/${this.scene.head.session}`; }

  /** Goes on with the session of this tab; else with what was kept of the last one; else with the first scene. */
  async begin() {
    const name = sessionStorage.getItem(KEPT);
    if (name) {
      try { return this.take(await getPacket(`/api/sessions/${name}`)); } catch (error) { if (error.status !== 404) throw error; }
    }
    const record = localStorage.getItem(KEPT);
    if (record) {
      try { return await this.openRecord(JSON.parse(record)); } catch (error) { if (error.status === 0) throw error; }
    }
    return this.openScene(0);
  }

  openScene(index) { return this.open(() => post("/api/sessions", { scene: index })); }

  openRecord(record) { return this.open(() => post("/api/sessions", { record })); }

  openMaps(files) { return this.open(() => putFiles("/api/sessions", files)); }

  open(ask) {
    this.tell("asked");
    return this.inTurn(async () => this.take(await ask()));
  }

  /** Does something after all that is under way: an edit's answer never arrives in a scene that was opened since. */
  inTurn(task) {
    const turn = this.line.then(task);
    this.line = turn.catch(() => {});
    return turn;
  }

  take(packet) {
    sessionStorage.setItem(KEPT, packet.head.session);
    this.scene.take(packet);
    this.tell("said", { message: packet.head.said });
    this.keep();
  }

  /** Sends an edit, after those that are under way; true if it was made. */
  edit(edit) {
    this.tell("asked");
    this.waiting++;
    return this.inTurn(async () => {
      const began = performance.now();
      try {
        const count = this.scene.head.objects.length;
        const packet = await post(`${this.path}/edits`, { edit, from: this.scene.head.digest });
        this.take(packet);
        if (packet.head.objects.length > count && ["duplicate", "paste", "paint", "change_class"].includes(edit.do)) {
          this.scene.select(packet.head.objects.length - 1);
        }
        performance.measure("edit", { start: began, end: performance.now() });
        return true;
      } catch (error) {
        this.tell("failed", { message: error.message });
        return false;
      } finally {
        this.waiting--;
      }
    });
  }

  /** Keeps the record in this browser a moment after the last edit, so that it outlives the server. */
  keep() {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      try {
        localStorage.setItem(KEPT, await request(`${this.path}/files/record.json`, "text"));
      } catch { /* the store is full, or the server gone: the session itself goes on */ }
    }, 1500);
  }

  tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }
}
