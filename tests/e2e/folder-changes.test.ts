/**
 * Documents that change every second under load: no request notices, each good change is live within a second, and a broken
 * one changes nothing but what the status says.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/base/clock.ts";
import { virtualService } from "./support/documents.ts";
import { eventually } from "./support/eventually.ts";
import { MeshRun } from "./support/mesh-run.ts";
import { faultsOf, isLong, traffic } from "./support/traffic.ts";

const CHANGES = isLong ? 120 : 12;
const REVIEWS = "http://reviews:9080/reviews/1";

/** What a change of the folder should do to a request with the header `x-step: <n>`. */
interface Step {
  readonly file: string;
  /** Undefined: the header's value shows that it is live. */
  readonly broken?: RegExp;
}

describe("a folder that changes every second", () => {
  let mesh: MeshRun;
  let rules = "";
  beforeAll(async () => {
    mesh = await MeshRun.start();
    // The DestinationRule stays; the VirtualService above it is written anew.
    const text = mesh.read("reviews.yaml");
    rules = text.slice(text.indexOf("---\n"));
  }, 40_000);
  afterAll(() => mesh.stop(), 40_000);

  /** All to one subset or the other, marked with the number of the step; every third has a rule with a header match before it. */
  function stepFile(step: number): string {
    const mark = `headers: {response: {set: {x-step: "${step}"}}}`;
    const weights = step % 2 === 0 ? [100, 0] : [25, 75];
    const special = `{match: [{headers: {x-special: {exact: "yes"}}}], route: [{destination: {host: reviews, subset: v2}}]}`;
    const usual = `{${mark}, route: [{destination: {host: reviews, subset: v1}, weight: ${weights[0]}}, {destination: {host: reviews, subset: v3}, weight: ${weights[1]}}]}`;
    const http = step % 3 === 0 ? [special, usual] : [usual];
    return virtualService("reviews", `{hosts: [reviews], http: [${http.join(", ")}]}`) + rules;
  }

  const stepFor = (step: number): Step =>
    step % 4 === 3
      ? {
          file: stepFile(step).replace("subset: v1}, weight", "subset: v1}, wieght"),
          broken: /reviews\.yaml:\d+:\d+.*wieght/s,
        }
      : { file: stepFile(step) };

  const liveStep = async (): Promise<string | null> =>
    (await mesh.callFrom("productpage-v1", REVIEWS)).headers.get("x-step");

  const problems = async (): Promise<string> =>
    (await mesh.status()).problems
      .map(({ message, place }) => `${place.file}:${place.line}:${place.column} ${message}`)
      .join("\n");

  test(
    `${CHANGES} changes: no request fails, and each is live within a second`,
    async () => {
      const via = mesh.proxy("productpage-v1").outbound;
      const pace = { t: "rate", perSecond: 500, durationMs: 10 * CHANGES * 1000 } as const;
      const loads = [
        traffic(REVIEWS, pace, { via, splitBy: "header:x-version" }),
        traffic(`${mesh.url("productpage")}/productpage?u=jason`, { ...pace, perSecond: 20 }),
      ];
      const delaysMs: number[] = [];
      let live = "";
      try {
        for (let step = 1; step <= CHANGES; step++) {
          const { broken, file } = stepFor(step);
          const startMs = systemClock.nowMs();
          mesh.write("reviews.yaml", file);
          if (broken === undefined) {
            await eventually(`step ${step} is live`, async () => (await liveStep()) === String(step), 5000);
            live = String(step);
            delaysMs.push(systemClock.nowMs() - startMs);
            expect(await problems()).toBe("");
            const special = await mesh.callFrom("productpage-v1", REVIEWS, { headers: { "x-special": "yes" } });
            expect(special.headers.get("x-version") === "v2").toBe(step % 3 === 0);
          } else {
            expect(await eventually("the problem is told", async () => (await problems()) || undefined)).toMatch(
              broken,
            );
            expect(await liveStep()).toBe(live);
          }
          // A second from one change to the next, whatever it took.
          await eventually("the second is over", () => systemClock.nowMs() - startMs >= 1000, 2000);
        }
      } finally {
        for (const load of loads) load.stop();
      }
      for (const load of loads) {
        const result = await load.done;
        expect(faultsOf(result)).toEqual({});
        expect(result.tally.answered).toBeGreaterThan(CHANGES * 10);
      }
      console.log(`live after ${delaysMs.map((ms) => Math.round(ms)).join(", ")} ms`);
      // Of all, not of each: other tests may have the machine for a moment.
      expect(delaysMs.toSorted((a, b) => a - b)[Math.floor(delaysMs.length * 0.9)]).toBeLessThan(1000);
    },
    CHANGES * 3000 + 30_000,
  );

  test("no proxy has refused anything, and all of them agree in the end", async () => {
    const agreed = async () => {
      const found = await mesh.status();
      if (found.publication.acknowledged === found.publication.proxies) return found;
      throw new Error(JSON.stringify(found));
    };
    // A listener whose port another program has for a moment is asked for again after 5 seconds and more.
    const status = await eventually("all proxies agree", agreed, 45_000);
    expect(status.rejections).toEqual([]);
  });

  test("a file that goes and comes back", async () => {
    const split = mesh.read("split.yaml");
    /** Which versions answer twenty calls: `v1`, `v1 v2`. */
    const versions = async (): Promise<string> => {
      const calls = Array.from({ length: 20 }, () => mesh.callFrom("productpage-v1", "http://details:9080/details/1"));
      return [...new Set((await Promise.all(calls)).map(({ headers }) => headers.get("x-version")))].sort().join(" ");
    };
    mesh.write("split.yaml", split.replace("weight: 80", "weight: 0").replace("weight: 20", "weight: 100"));
    await eventually("all go to v2", async () => (await versions()) === "v2");
    mesh.remove("split.yaml");
    await eventually("both are called", async () => (await versions()) === "v1 v2");
    mesh.write("split.yaml", split.replace("weight: 80", "weight: 1").replace("weight: 20", "weight: 0"));
    await eventually("all go to v1", async () => (await versions()) === "v1");
    expect(await problems()).toBe("");
  });
});
