import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../base/random.ts";
import { DEFAULT_BACKOFF, type LinkEvent, type LinkState, step } from "./link.ts";

const next = (state: LinkState, event: LinkEvent, nowMs = 0, random = () => 1): LinkState =>
  step(DEFAULT_BACKOFF, state, event, nowMs, random);

describe("link", () => {
  test("from the first attempt to a stream and back", () => {
    let link: LinkState = { t: "stopped" };
    link = next(link, { t: "start" });
    expect(link).toEqual({ t: "connecting", attempt: 1, sinceMs: 0 });
    link = next(link, { t: "heard" }, 10);
    expect(link).toEqual({ t: "streaming", sinceMs: 10 });
    link = next(link, { t: "ended", reason: "gone" }, 100);
    expect(link).toEqual({ t: "waiting", attempt: 0, untilMs: 600, reason: "gone" });
    expect(next(link, { t: "due" })).toEqual({ t: "connecting", attempt: 1, sinceMs: 0 });
    const streaming: LinkState = { t: "streaming", sinceMs: 10 };
    expect(next(streaming, { t: "renewed" }, 50)).toEqual({ t: "connecting", attempt: 1, sinceMs: 50 });
  });

  test("waits double up to the bound, and begin anew after a stream that worked", () => {
    let link: LinkState = { t: "connecting", attempt: 1, sinceMs: 0 };
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      link = next(link, { t: "ended", reason: "" });
      if (link.t === "waiting") waits.push(link.untilMs);
      link = next(link, { t: "due" });
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    link = next(next(link, { t: "heard" }), { t: "ended", reason: "" });
    expect(link).toMatchObject({ untilMs: 500 });
    const silent: LinkState = { t: "connecting", attempt: 7, sinceMs: 0 };
    expect(next(silent, { t: "ended", reason: "" }, 31_000)).toMatchObject({ attempt: 0, untilMs: 31_500 });
  });

  test("waits are spread over half of their bound", () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = seededRandom(seed);
    const waits = Array.from({ length: 1000 }, () => {
      const link = next({ t: "connecting", attempt: 3, sinceMs: 0 }, { t: "ended", reason: "" }, 0, random);
      return link.t === "waiting" ? link.untilMs : -1;
    });
    expect(Math.min(...waits), `seed ${seed}`).toBeWithin(1000, 1100);
    expect(Math.max(...waits), `seed ${seed}`).toBeWithin(1900, 2000);
  });

  test("an event that is not expected changes nothing; stop ends from everywhere", () => {
    const states: LinkState[] = [
      { t: "stopped" },
      { t: "connecting", attempt: 2, sinceMs: 0 },
      { t: "streaming", sinceMs: 1 },
      { t: "waiting", attempt: 2, untilMs: 5, reason: "" },
    ];
    const ignored: Readonly<Record<LinkState["t"], readonly LinkEvent[]>> = {
      stopped: [{ t: "renewed" }, { t: "heard" }, { t: "ended", reason: "" }, { t: "due" }],
      connecting: [{ t: "start" }, { t: "due" }],
      streaming: [{ t: "start" }, { t: "heard" }, { t: "due" }],
      waiting: [{ t: "renewed" }, { t: "start" }, { t: "heard" }, { t: "ended", reason: "" }],
    };
    for (const state of states) {
      for (const event of ignored[state.t]) expect(next(state, event)).toBe(state);
      expect(next(state, { t: "stop" })).toEqual({ t: "stopped" });
    }
  });
});
