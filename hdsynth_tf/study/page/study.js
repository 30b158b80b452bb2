// A rater's way through the study: welcome, screen, practice, blocks of pairs, end.

import { getJson, postJson } from "/shared/net.js";
import { Outbox } from "./outbox.js";
import { Stage, fit } from "./stage.js";
import { expose, measureFrame, nextFrame } from "./timing.js";

const CROSS = 500;  // milliseconds that the cross is seen before the pictures
const BLOCK = 50;  // pairs at most without a break
const FEEDBACK = 900;  // milliseconds
const SLOW = 34;  // milliseconds of a frame; above, short times cannot be kept

const $ = (id) => document.getElementById(id);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const SCREENS = ["welcome", "check", "notice", "stage"];

function screen(name) {
  for (const other of SCREENS) $(other).hidden = other !== name;
}

const told = new Map();  // subject -> what is told of it

// Shows a message beside those on other subjects, in one line that can be closed; "" takes it away.
function tell(subject, message) {
  told.set(subject, message);
  const line = [...told.values()].filter(Boolean).join(" "), shown = $("alert").querySelector("span");
  $("alert").hidden = !line;
  if (shown.textContent !== line) shown.textContent = line;  // else it would be read aloud again
}

$("alert").querySelector("button").onclick = () => { for (const subject of told.keys()) tell(subject, ""); };

// === Before the pairs ===

async function welcome(study) {
  for (const element of document.querySelectorAll(".question")) element.textContent = study.question;
  document.title = study.question;
  $("num-trials").textContent = study.num_trials;
  $("minutes").textContent = study.minutes === 1 ? "a minute" : `${study.minutes} minutes`;
  $("tie-help").hidden = !study.allow_tie;
  $("limited-help").hidden = !study.is_limited;
  $("tie").hidden = !study.allow_tie;
  $("opinion-help").hidden = study.has_truth;
  $("rater").required = study.is_closed;
  if (study.is_closed) $("rater-help").textContent = "The one that you were given with your invitation.";
  const key = `study-${study.id}-rater`;
  $("rater").value = new URLSearchParams(location.search).get("rater") ?? localStorage.getItem(key) ?? "";
  screen("welcome");
  for (;;) {
    await new Promise((resolve) => { $("begin").onsubmit = (event) => { event.preventDefault(); resolve(); }; });
    try {
      const session = await postJson("/api/session", { rater: $("rater").value });
      tell("session", "");
      localStorage.setItem(key, session.rater);
      return session;
    } catch (error) {
      tell("session", error.message);
    }
  }
}

async function checkScreen(study) {
  screen("check");
  $("fullscreen").onclick = () => document.documentElement.requestFullscreen?.();
  const showSpace = () => {
    const scale = fit(study.width, study.height);
    $("space").textContent = scale === 1 ? "enough" : `too little: pictures would be at ${Math.floor(scale * 100)} %`;
    $("small").hidden = scale === 1;
    $("fullscreen").hidden = scale === 1 || !document.fullscreenEnabled;
    $("go").textContent = scale === 1 ? "Go on" : "Go on with smaller pictures";
  };
  addEventListener("resize", showSpace);
  showSpace();
  let clock;
  const measure = async () => {
    $("go").disabled = true;
    $("rate").textContent = "measuring…";
    clock = await measureFrame();
    $("rate").textContent = `${clock.rate ?? (1000 / clock.frame).toFixed(1)} pictures a second`;
    $("slow").hidden = !study.is_limited || clock.frame < SLOW;
    $("go").disabled = false;
    $("go").focus();
  };
  $("measure").onclick = measure;
  measure();
  await new Promise((resolve) => { $("go").onclick = resolve; });
  removeEventListener("resize", showSpace);
  return clock;
}

async function notice(title, text, button = "Go on") {
  $("notice").querySelector("h1").textContent = title;
  $("notice").querySelector(".text").textContent = text;
  const element = $("notice").querySelector("button");
  element.textContent = button;
  for (const part of $("notice").querySelectorAll(".row, .hint")) part.hidden = !button;
  screen("notice");
  if (!button) return;
  element.focus();
  await new Promise((resolve) => { element.onclick = resolve; });
}

// === The pairs ===

class Session {
  constructor(study, session, clock) {
    Object.assign(this, { study, clock, trials: session.trials, session });
    this.outbox = new Outbox(study.id, session.rater, tell);
    this.stage = new Stage();
    this.pauseWanted = false;
    this.order = session.answers.length + this.outbox.queue.length;  // answers so far
    addEventListener("keydown", (event) => this.key(event));
    for (const side of ["left", "right", "tie"]) {
      $(side).onclick = (event) => this.choose?.(side, event.detail ? "pointer" : "key", "", event.timeStamp);
    }
    $("pause").onclick = () => this.wantPause();
    for (const [target, name] of [[document, "visibilitychange"], [window, "blur"]]) {
      target.addEventListener(name, () => { this.wasHidden = true; });
    }
  }

  key(event) {
    if ($("stage").hidden || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const choices = { f: "left", arrowleft: "left", j: "right", arrowright: "right" };
    if (this.study.allow_tie) Object.assign(choices, { " ": "tie", arrowdown: "tie" });
    const name = event.key.toLowerCase();
    if (name === "p" || name === "escape") this.wantPause();
    if (!(name in choices)) return;
    event.preventDefault();
    this.choose?.(choices[name], "key", event.key, event.timeStamp);
  }

  wantPause() {
    this.pauseWanted = true;
    $("feedback").className = "";
    $("feedback").textContent = "A pause comes after this pair.";
  }

  // What is left to do: {index, attempt}. Pairs whose time was off come again, at the end.
  todo() {
    const latest = new Map();
    const unsent = this.outbox.queue.map((answer) => [answer.trial, answer.attempt, this.isValid(answer)]);
    for (const [trial, attempt, valid] of [...this.session.answers, ...unsent]) {
      if (!(latest.get(trial)?.attempt > attempt)) latest.set(trial, { attempt, valid });
    }
    const fresh = [], again = [];
    this.trials.forEach((trial, index) => {
      const last = latest.get(index);
      if (!last) fresh.push({ index, attempt: 0 });
      else if (this.comesAgain(index, last)) again.push({ index, attempt: last.attempt + 1 });
    });
    return [...fresh, ...again];
  }

  comesAgain(index, { attempt, valid }) {
    return !valid && !this.trials[index].practice && attempt + 1 < this.session.max_attempts;
  }

  isValid(answer) {
    const asked = 1000 * this.trials[answer.trial].duration;
    return !asked || (!answer.hidden && Math.abs(answer.shown_ms - asked) <= this.session.tolerance_ms);
  }

  async run() {
    const todo = this.todo(), pairs = this.trials.filter((trial) => !trial.practice).length;
    const blocks = Math.ceil(pairs / BLOCK), size = Math.ceil(pairs / blocks);
    const practice = this.trials.length - pairs;
    const resumed = todo.length < this.trials.length;
    if (resumed && todo.length) await notice("Welcome back", `${todo.length} pairs are left.`);
    let before = null;
    for (let n = 0; n < todo.length; n++) {
      const { index, attempt } = todo[n], trial = this.trials[index], number = index - practice;
      if (trial.practice && before === null) await this.announcePractice(practice - index);
      if (!trial.practice && (before?.practice || (before === null && !resumed))) await this.announcePairs(pairs, blocks);
      else if (attempt === 0 && before && number > 0 && number % size === 0) {
        await this.breakBefore(number / size + 1, blocks);
      }
      before = trial;
      this.showProgress(trial, n, todo.length);
      const answer = await this.judge(index, attempt, todo[n + 1]);
      if (this.comesAgain(index, { attempt, valid: this.isValid(answer) })) todo.push({ index, attempt: attempt + 1 });
      if (this.pauseWanted && n + 1 < todo.length) {
        this.pauseWanted = false;
        await notice("Pause", `${todo.length - n - 1} pairs are left.`);
      }
    }
  }

  announcePractice(count) {
    const feedback = this.study.has_truth ? " After each pair you see whether you were right." : "";
    return notice("Practice", `First, ${count === 1 ? "a pair" : `${count} pairs`} to get used to it.${feedback} ` +
      "Look at the cross in the middle: the pictures appear on both sides of it.");
  }

  announcePairs(pairs, blocks) {
    const feedback = this.study.has_truth ? " You will not be told whether you are right." : "";
    const parts = blocks > 1 ? `, in ${blocks} parts with a break between` : "";
    return notice("Now it counts", `${pairs} pairs${parts}.${feedback} Press P whenever you want a pause.`, "Begin");
  }

  breakBefore(block, blocks) {
    return notice("A break", `You have finished part ${block - 1} of ${blocks}. Rest your eyes for a moment.`);
  }

  showProgress(trial, done, total) {
    $("part").textContent = trial.practice ? "Practice" : `${total - done} left`;
    $("progress").max = this.trials.length;
    $("progress").value = Math.max(0, this.trials.length - (total - done));
  }

  // Shows a pair, waits for the answer, and hands it to the outbox.
  async judge(index, attempt, following) {
    const trial = this.trials[index];
    screen("stage");
    $("stage").dataset.trial = index;
    $("stage").dataset.phase = "before";
    this.stage.clear();
    const scale = this.stage.place(trial);
    $("pair").classList.add("waiting");
    if (!this.pauseWanted) $("feedback").textContent = "";
    const [prepared] = await Promise.all([this.prepared(index), pause(CROSS), inSight()]);
    this.wasHidden = false;
    let answered;
    const choice = new Promise((resolve) => { answered = resolve; });
    const shown = await expose({
      seconds: trial.duration,
      frame: this.clock.frame,
      show: () => this.stage.show(prepared),
      hide: () => this.stage.hide(prepared),
      begun: () => {
        $("stage").dataset.phase = "seen";
        if (!trial.duration) {
          this.listen(answered);
          this.prefetch(following);
        }
      },
      ended: choice,
    });
    const hidden = this.wasHidden;
    if (trial.duration) {
      this.listen(answered);
      this.prefetch(following);
    }
    const given = await choice;
    this.listen(null);
    const answer = { ...this.record(index, attempt, shown, given), hidden, scale };
    const reply = this.outbox.add(answer);
    if (trial.practice && this.study.has_truth) await this.feedback(reply);
    return answer;
  }

  // What is stored of an answer: what was shown, for how long, and what was answered.
  record(index, attempt, { onset, offset, frames, longGaps }, given) {
    const { width, height } = this.trials[index];
    return {
      uuid: crypto.randomUUID?.() ?? randomName(), study: this.study.id, rater: this.session.rater,
      trial: index, attempt, order: this.order++, choice: given.side, by: given.by, key: given.key,
      frame_ms: this.clock.frame, rate_hz: this.clock.rate, frames, long_gaps: longGaps,
      onset_ms: onset, offset_ms: offset, shown_ms: offset - onset, response_ms: given.stamp - onset,
      width, height, device_pixel_ratio: devicePixelRatio, viewport_width: innerWidth, viewport_height: innerHeight,
      cross_origin_isolated: crossOriginIsolated, user_agent: navigator.userAgent.slice(0, 400),
    };
  }

  // From now on answers are taken, or no longer.
  listen(answered) {
    $("stage").dataset.phase = answered ? "asked" : "answered";
    this.choose = answered && ((side, by, key, stamp) => {
      $("stage").dataset.phase = "answered";
      answered({ side, by, key, stamp });
    });
    for (const id of ["left", "right", "tie"]) $(id).disabled = !answered;
    $("pair").classList.toggle("waiting", !answered);
  }

  async feedback(reply) {
    const { correct } = (await Promise.race([reply, pause(1500)])) ?? {};
    if (correct === undefined || correct === null) return;
    $("feedback").className = correct ? "right" : "wrong";
    $("feedback").textContent = correct ? "✓ Right" : "✗ It was the other one";
    await pause(FEEDBACK);
    $("feedback").textContent = "";
  }

  // The next pair is loaded while this one is being answered, not while it is seen.
  prefetch(following) {
    if (following) this.next = { index: following.index, ready: this.stage.prepare(this.trials[following.index]) };
    this.next?.ready.catch(() => {});
  }

  async prepared(index) {
    for (let failures = 0; ; failures++) {
      try {
        const ready = this.next?.index === index && !failures ? this.next.ready : this.stage.prepare(this.trials[index]);
        const prepared = await ready;
        tell("pictures", "");
        return prepared;
      } catch (error) {
        tell("pictures", "The pictures cannot be loaded; trying again.");
        await pause(1000);
      }
    }
  }
}

// Resolves when the page can be seen.
async function inSight() {
  while (document.visibilityState !== "visible") await pause(200);
  await nextFrame();
}

const randomName = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

async function main() {
  const study = await getJson("/api/study");
  const session = await welcome(study);
  const clock = await checkScreen(study);
  const rater = new Session(study, session, clock);
  await rater.run();
  await notice("One moment", "Your last answers are being sent.", "");
  await rater.outbox.emptied();
  const count = rater.outbox.refused;
  const rest = count ? `, except ${count} that the server refused` : "";
  await notice("Thank you", `That was all. Your answers are stored${rest}. Your id is ${session.rater}. You can close this page.`, "");
}

main().catch((error) => tell("page", `The page cannot go on: ${error.message} Load it again to go on where you are.`));
