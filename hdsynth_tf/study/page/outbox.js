// Answers on their way to the server. They are kept in the browser until the server says that they are on its disk.

const WAITS = [500, 1000, 2000, 5000];  // milliseconds between attempts

export class Outbox {
  // `tell` is called with a message for the person, or with "" when all is well again.
  constructor(study, rater, tell) {
    this.key = `study-${study}-${rater}`;
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

  // Keeps an answer and sends it; resolves with what the server says of it.
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
      const [reply, problem] = await send(answer);
      if (reply) {
        failures = 0;
        this.keep(this.queue.filter((other) => other.uuid !== answer.uuid));
        this.waiting.get(answer.uuid)?.(reply);
        this.waiting.delete(answer.uuid);
        this.tell("");
      } else {
        this.tell(problem);
        await new Promise((resolve) => setTimeout(resolve, WAITS[Math.min(failures++, WAITS.length - 1)]));
      }
    }
    this.idle.splice(0).forEach((resolve) => resolve());
  }
}

// Posts JSON; gives [what the server answered, null] or [null, a message].
export async function post(path, content) {
  try {
    const answer = await fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content),
    });
    const reply = await answer.json();
    return answer.ok ? [reply, null] : [null, reply.error];
  } catch {
    return [null, "The server cannot be reached. Your answers are kept here and sent when it is back."];
  }
}

const send = (answer) => post("/api/answers", answer);
