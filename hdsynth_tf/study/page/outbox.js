// Answers on their way to the server. They are kept in the browser until the server says that they are on its disk; those
// that it refuses are set aside and stay in the browser.

import { postJson } from "/shared/net.js";

const WAITS = [500, 1000, 2000, 5000];  // milliseconds between attempts
const LATER = [408, 425, 429];  // of the statuses from 400 to 499, those of what may be accepted another time
const UNREACHED = "The server cannot be reached. Your answers are kept here and sent when it is back.";

export class Outbox {
  // `tell` is called with a subject and a message for the person, or "" when all is well again.
  constructor(study, rater, tell) {
    this.key = `study-${study}-answers-${rater}`;
    this.refusedKey = `study-${study}-refused-${rater}`;
    this.refused = 0;  // since the page was opened
    this.tell = tell;
    this.waiting = new Map();  // uuid -> who waits for the server's answer
    this.idle = [];
    this.work = null;
    this.run();
  }

  get queue() {
    return JSON.parse(localStorage.getItem(this.key) ?? "[]");
  }

  keep(queue) {
    if (queue.length) localStorage.setItem(this.key, JSON.stringify(queue));
    else localStorage.removeItem(this.key);
  }

  // Keeps an answer and sends it; resolves with what the server says of it, or with nothing if it was refused.
  add(answer) {
    this.keep([...this.queue, answer]);
    const reply = new Promise((resolve) => this.waiting.set(answer.uuid, resolve));
    this.run();
    return reply;
  }

  // Resolves when nothing is left to send.
  emptied() {
    return this.queue.length ? new Promise((resolve) => this.idle.push(resolve)) : Promise.resolve();
  }

  run() {
    this.work ??= this.sendAll().finally(() => {
      this.work = null;
      if (this.queue.length) this.run();  // added at the last moment
    });
  }

  async sendAll() {
    for (let failures = 0; this.queue.length;) {
      const answer = this.queue[0];
      const { reply, error } = await post(answer);
      if (error && !isRefusal(error.status)) {
        this.tell("sending", error.status ? error.message : UNREACHED);
        await new Promise((resolve) => setTimeout(resolve, WAITS[Math.min(failures++, WAITS.length - 1)]));
        continue;
      }
      if (error) this.setAside(answer, error);
      failures = 0;
      this.keep(this.queue.filter((other) => other.uuid !== answer.uuid));
      this.waiting.get(answer.uuid)?.(reply);
      this.waiting.delete(answer.uuid);
      this.tell("sending", "");
    }
    this.idle.splice(0).forEach((resolve) => resolve());
  }

  // Keeps an answer that the server will never accept where it stops no other.
  setAside(answer, { status, message }) {
    const before = JSON.parse(localStorage.getItem(this.refusedKey) ?? "[]");
    localStorage.setItem(this.refusedKey, JSON.stringify([...before, { status, message, answer }]));
    this.refused += 1;
    const what = this.refused === 1 ? "An answer was" : `${this.refused} answers were`;
    this.tell("refused", `${what} refused by the server, and kept in this browser: ${message}`);
  }
}

const isRefusal = (status) => status >= 400 && status < 500 && !LATER.includes(status);

const post = (answer) => postJson("/api/answers", answer).then((reply) => ({ reply }), (error) => ({ error }));
