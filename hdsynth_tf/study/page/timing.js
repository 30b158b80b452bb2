// How long pictures are seen. A time is a whole number of the screen's frames, and what was really shown is recorded.
//
// Changes that are made in a callback of requestAnimationFrame are seen from the next frame on; both the beginning and
// the end of an exposure are made there, so that the difference of their stamps is the time between them on the screen.
// The screen's own lag is not seen from here.

const RATES = [60, 72, 75, 90, 100, 120, 144, 165, 240];  // Hz

export const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));

// The time of a frame: {frame: milliseconds, rate: Hz, or null where the median is at no common rate}.
export async function measureFrame(count = 90) {
  const gaps = [];
  let before = await nextFrame();
  while (gaps.length < count) {
    const now = await nextFrame();
    gaps.push(now - before);
    before = now;
  }
  return snap(gaps.sort((a, b) => a - b)[count >> 1]);
}

export function snap(median) {
  const rate = RATES.find((rate) => Math.abs(median * rate / 1000 - 1) < 0.03) ?? null;
  return { frame: rate ? 1000 / rate : median, rate };
}

// The nearest number of frames, at least one; of two equally near ones always the larger: 1/8 s is 8 frames at 60 Hz.
export const framesFor = (seconds, frame) => Math.max(1, Math.floor(seconds * 1000 / frame + 0.5 + 1e-3));

// Shows something for `seconds`; 0: until `ended` resolves. Gives {onset, offset, frames, longGaps}, stamps in milliseconds.
// `begun` is called right after the beginning.
export async function expose({ seconds, frame, show, hide, begun, ended }) {
  await nextFrame();
  const onset = await nextFrame();
  show();
  begun();
  if (!seconds) {
    await ended;
    const offset = await nextFrame();
    hide();
    return { onset, offset, frames: null, longGaps: 0 };
  }
  const frames = framesFor(seconds, frame);
  let longGaps = 0, before = onset;
  for (;;) {
    const now = await nextFrame();
    if (now - before > 1.5 * frame) longGaps += 1;
    before = now;
    if (now - onset >= (frames - 0.5) * frame) {
      hide();
      return { onset, offset: now, frames, longGaps };
    }
  }
}
