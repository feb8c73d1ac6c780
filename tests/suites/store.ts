/**
 * What every store of documents does, whatever it is made of.
 */
import { describe, expect, test } from "bun:test";
import { formatProblem } from "../../src/base/problem.ts";
import type { Store, StoreState } from "../../src/store/store.ts";

export interface StoreUnderTest {
  readonly store: Store;
  /** Writes a file, and waits until the store has read it. */
  write(file: string, text: string): void | Promise<void>;
  remove(file: string): void | Promise<void>;
  /** Lets pass what time the store needs to see that nothing changed. */
  idle(): void | Promise<void>;
  end(): void;
}

export const workload = (name: string, app = "a"): string =>
  `apiVersion: tulle.dev/v1\nkind: Workload\nmetadata: {name: ${name}, labels: {app: ${app}}}\n`;

const BROKEN = "apiVersion: tulle.dev/v1\nkind: [Workload\n";
const REFUSED = workload("a").replace("labels:", "lables:");

export const names = (state: StoreState): string[] => state.mesh.workloads.map((w) => w.name).sort();
const statuses = (state: StoreState): string[] => state.documents.map((d) => `${d.name} ${d.status}`).sort();

export function storeSuite(
  name: string,
  make: (files: Readonly<Record<string, string>>) => StoreUnderTest | Promise<StoreUnderTest>,
): void {
  const given = (files: Readonly<Record<string, string>>, run: (t: StoreUnderTest) => Promise<void>) => async () => {
    const t = await make(files);
    try {
      await run(t);
    } finally {
      t.store.close();
      t.end();
    }
  };

  describe(name, () => {
    test(
      "has what is there at the start",
      given({ "a.yaml": workload("a"), "b.yaml": `${workload("b")}---\n${workload("c")}` }, async ({ store }) => {
        expect(names(store.current)).toEqual(["a", "b", "c"]);
        expect(store.current.problems).toEqual([]);
      }),
    );

    test(
      "tells each watcher the state at once, then each change, until it stops",
      given({ "a.yaml": workload("a") }, async (t) => {
        const first: string[][] = [];
        const second: string[][] = [];
        const stop = t.store.watch((s) => first.push(names(s)));
        await t.write("b.yaml", workload("b"));
        t.store.watch((s) => second.push(names(s)));
        stop();
        await t.remove("a.yaml");
        expect(first).toEqual([["a"], ["a", "b"]]);
        expect(second).toEqual([["a", "b"], ["b"]]);
        expect(names(t.store.current)).toEqual(["b"]);
      }),
    );

    test(
      "counts its states, and makes none where nothing changed",
      given({ "a.yaml": workload("a") }, async (t) => {
        const generations: number[] = [];
        t.store.watch((s) => generations.push(s.generation));
        await t.idle();
        await t.write("a.yaml", workload("a"));
        await t.write("a.yaml", workload("a", "other"));
        const [first = 0] = generations;
        expect(generations).toEqual([first, first + 1]);
      }),
    );

    test(
      "keeps what was live while its file does not parse",
      given({ "a.yaml": `${workload("a")}---\n${workload("b")}`, "c.yaml": workload("c") }, async (t) => {
        await t.write("a.yaml", BROKEN);
        expect(names(t.store.current)).toEqual(["a", "b", "c"]);
        expect(statuses(t.store.current)).toEqual(["a kept", "b kept", "c applied"]);
        expect(t.store.current.problems.map(formatProblem).join()).toContain("not YAML");
        // The part that parses counts already.
        await t.write("a.yaml", `${workload("b", "new")}---\n${BROKEN}`);
        expect(statuses(t.store.current)).toEqual(["a kept", "b applied", "c applied"]);
        expect(t.store.current.mesh.workloads.find((w) => w.name === "b")?.labels).toEqual({ app: "new" });
        await t.write("a.yaml", workload("b"));
        expect(statuses(t.store.current)).toEqual(["b applied", "c applied"]);
        expect(t.store.current.problems).toEqual([]);
      }),
    );

    test(
      "keeps the last good version of a document that is refused, and says why",
      given({ "a.yaml": workload("a", "good") }, async (t) => {
        await t.write("a.yaml", REFUSED);
        expect(t.store.current.mesh.workloads.map((w) => w.labels)).toEqual([{ app: "good" }]);
        expect(statuses(t.store.current)).toEqual(["a kept", "a refused"]);
        expect(t.store.current.problems.map((p) => p.message)).toEqual([
          'unknown field "lables"; did you mean "labels"?',
        ]);
        // Again wrong, in another way: still the good one.
        await t.write("a.yaml", `${REFUSED}spec: {x: 1}\n`);
        expect(t.store.current.mesh.workloads.map((w) => w.labels)).toEqual([{ app: "good" }]);
        await t.write("a.yaml", workload("a", "better"));
        expect(t.store.current.mesh.workloads.map((w) => w.labels)).toEqual([{ app: "better" }]);
        expect(statuses(t.store.current)).toEqual(["a applied"]);
      }),
    );

    test(
      "keeps what was live while its kind or name is half typed",
      given({ "a.yaml": `${workload("a")}---\n${workload("b")}` }, async (t) => {
        for (const half of ["kind: Work", "kind:", "metadata: {name: A"]) {
          const now = workload("a").replace(half.startsWith("kind") ? "kind: Workload" : "metadata: {name: a", half);
          await t.write("a.yaml", `${now}---\n${workload("b")}`);
          expect(names(t.store.current)).toEqual(["a", "b"]);
          expect(t.store.current.problems).not.toEqual([]);
        }
        await t.write("a.yaml", workload("b"));
        expect(names(t.store.current)).toEqual(["b"]);
      }),
    );

    test(
      "lets go of a document that leaves its file, and of a file that is deleted, broken or not",
      given({ "a.yaml": `${workload("a")}---\n${workload("b")}`, "c.yaml": workload("c") }, async (t) => {
        await t.write("a.yaml", workload("b"));
        expect(names(t.store.current)).toEqual(["b", "c"]);
        await t.write("a.yaml", BROKEN);
        expect(names(t.store.current)).toEqual(["b", "c"]);
        await t.remove("a.yaml");
        expect(names(t.store.current)).toEqual(["c"]);
        expect(t.store.current.problems).toEqual([]);
      }),
    );

    test(
      "reads a document that moves to another file, and refuses a second one of its name",
      given({ "a.yaml": workload("a") }, async (t) => {
        await t.write("b.yaml", workload("a", "second"));
        expect(t.store.current.mesh.workloads.map((w) => w.labels)).toEqual([{ app: "a" }]);
        expect(t.store.current.problems.map((p) => p.message).join()).toContain("is there already");
        await t.remove("a.yaml");
        expect(t.store.current.mesh.workloads.map((w) => w.labels)).toEqual([{ app: "second" }]);
        expect(t.store.current.problems).toEqual([]);
      }),
    );

    test(
      "gives what analysis finds beside the problems",
      given({ "a.yaml": workload("a") }, async (t) => {
        await t.write(
          "s.yaml",
          "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {app: none}, ports: [{name: http, port: 80}]}\n",
        );
        expect(t.store.current.problems).toEqual([]);
        expect(t.store.current.findings.map((f) => f.message).join()).toContain("selects no workload");
      }),
    );

    test(
      "goes on after a watcher that throws",
      given({}, async (t) => {
        let calls = 0;
        t.store.watch(() => {
          if (calls++ > 0) throw new Error("a watcher's own fault");
        });
        const seen: string[][] = [];
        t.store.watch((s) => seen.push(names(s)));
        await t.write("a.yaml", workload("a"));
        await t.write("b.yaml", workload("b"));
        expect(seen).toEqual([[], ["a"], ["a", "b"]]);
        expect(calls).toBe(3);
      }),
    );
  });
}
