/**
 * The stores of documents: the suite for each, and what only folders go through.
 */
import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { silentLog } from "../src/base/log.ts";
import { ManualClock } from "../src/base/manual-clock.ts";
import { FolderStore } from "../src/store/folder-store.ts";
import { MemoryStore } from "../src/store/memory-store.ts";
import { names, type StoreUnderTest, storeSuite, workload } from "./suites/store.ts";

// === helpers ===

const POLL_MS = 500;
const SETTLE_MS = 100;

interface Folder extends StoreUnderTest {
  readonly store: FolderStore;
  readonly root: string;
  readonly clock: ManualClock;
  path(file: string): string;
}

/** A store on a folder of its own, on a clock that the test moves; no events, so that nothing comes unasked. */
function folder(files: Readonly<Record<string, string>> = {}): Folder {
  const above = mkdtempSync(join(tmpdir(), "tulle-store-"));
  const root = join(above, "mesh");
  mkdirSync(root);
  const path = (file: string): string => join(root, file);
  for (const [file, text] of Object.entries(files)) writeFileSync(path(file), text);
  const clock = new ManualClock();
  const store = new FolderStore({ paths: [root], clock, log: silentLog, events: false });
  const idle = (): void => clock.advance(POLL_MS + 2 * SETTLE_MS);
  return {
    store,
    root,
    clock,
    path,
    idle,
    write(file, text) {
      writeFileSync(path(file), text);
      idle();
    },
    remove(file) {
      rmSync(path(file));
      idle();
    },
    end: () => rmSync(above, { recursive: true }),
  };
}

async function inFolder(
  files: Readonly<Record<string, string>>,
  run: (f: Folder) => void | Promise<void>,
): Promise<void> {
  const f = folder(files);
  try {
    await run(f);
  } finally {
    f.store.close();
    f.end();
  }
}

// === tests ===

storeSuite("MemoryStore", (files) => {
  const store = new MemoryStore(files);
  return {
    store,
    write: (file, text) => store.write(file, text),
    remove: (file) => store.remove(file),
    idle() {},
    end() {},
  };
});

storeSuite("FolderStore", folder);

describe("FolderStore", () => {
  test("reads a change once, when the files have settled", () =>
    inFolder({ "a.yaml": workload("a") }, ({ store, clock, path }) => {
      const seen: string[][] = [];
      store.watch((s) => seen.push(names(s)));
      clock.advance(POLL_MS - 1);
      writeFileSync(path("a.yaml"), "");
      clock.advance(1);
      // Emptied, and not yet written again.
      expect(names(store.current)).toEqual(["a"]);
      clock.advance(SETTLE_MS - 1);
      writeFileSync(path("a.yaml"), workload("new"));
      clock.advance(1);
      expect(names(store.current)).toEqual(["a"]);
      clock.advance(SETTLE_MS);
      expect(seen).toEqual([["a"], ["new"]]);
    }));

  test("reads files that never settle, in the end", () =>
    inFolder({}, ({ store, clock, path }) => {
      for (let i = 0; i < 30; i++) {
        writeFileSync(path("a.yaml"), workload(`a${i}`));
        clock.advance(SETTLE_MS / 2);
      }
      expect(names(store.current)).toHaveLength(1);
    }));

  test("survives an editor's write and rename", () =>
    inFolder({ "a.yaml": workload("a") }, ({ store, idle, path, clock }) => {
      const seen: string[][] = [];
      store.watch((s) => seen.push(names(s)));
      renameSync(path("a.yaml"), path("a.yaml~"));
      clock.advance(POLL_MS);
      writeFileSync(path("a.yaml.tmp"), workload("b"));
      renameSync(path("a.yaml.tmp"), path("a.yaml"));
      rmSync(path("a.yaml~"));
      idle();
      expect(seen).toEqual([["a"], ["b"]]);
    }));

  test("keeps all while the folder is gone, says so, and reads it when it is back", () =>
    inFolder({ "a.yaml": workload("a") }, ({ store, root, idle, path, clock }) => {
      const seen: string[][] = [];
      store.watch((s) => seen.push(names(s)));
      renameSync(root, `${root}-moved`);
      clock.advance(POLL_MS);
      // Back before anybody could notice: nothing is said.
      renameSync(`${root}-moved`, root);
      idle();
      expect(seen).toEqual([["a"]]);
      renameSync(root, `${root}-moved`);
      idle();
      expect(names(store.current)).toEqual(["a"]);
      expect(store.current.problems.map((p) => p.message).join()).toContain("cannot be read, so what was live stays");
      mkdirSync(root);
      writeFileSync(path("b.yaml"), workload("b"));
      idle();
      expect(names(store.current)).toEqual(["b"]);
      expect(store.current.problems).toEqual([]);
    }));

  test("follows the swap of a mounted ConfigMap, never seeing half of it", () =>
    inFolder({}, ({ store, root, idle, path }) => {
      const version = (name: string, files: Readonly<Record<string, string>>): void => {
        mkdirSync(path(name));
        for (const [file, text] of Object.entries(files)) writeFileSync(path(join(name, file)), text);
        symlinkSync(name, path("..data_tmp"));
        renameSync(path("..data_tmp"), path("..data"));
      };
      version("..2026_1", { "a.yaml": workload("a1"), "b.yaml": workload("b1") });
      for (const file of ["a.yaml", "b.yaml"]) symlinkSync(join("..data", file), join(root, file));
      idle();
      expect(names(store.current)).toEqual(["a1", "b1"]);
      const seen: string[][] = [];
      store.watch((s) => seen.push(names(s)));
      version("..2026_2", { "a.yaml": workload("a2"), "b.yaml": workload("b2") });
      rmSync(path("..2026_1"), { recursive: true });
      idle();
      expect(seen).toEqual([
        ["a1", "b1"],
        ["a2", "b2"],
      ]);
    }));

  test("starts without its folder, and finds it later", () => {
    const root = join(mkdtempSync(join(tmpdir(), "tulle-store-")), "later");
    const clock = new ManualClock();
    const store = new FolderStore({ paths: [root], clock, log: silentLog, events: false });
    expect(store.current.problems).toHaveLength(1);
    mkdirSync(root);
    writeFileSync(join(root, "a.yaml"), workload("a"));
    clock.advance(POLL_MS + SETTLE_MS);
    expect(names(store.current)).toEqual(["a"]);
    store.close();
    rmSync(join(root, ".."), { recursive: true });
  });

  test("does nothing after it is closed", () =>
    inFolder({ "a.yaml": workload("a") }, ({ store, clock, path }) => {
      writeFileSync(path("a.yaml"), workload("b"));
      clock.advance(POLL_MS);
      store.close();
      expect(clock.pendingTimers).toBe(0);
      clock.advance(10 * POLL_MS);
      expect(names(store.current)).toEqual(["a"]);
    }));

  test("is woken by the system's events, in folders inside too", async () => {
    const root = join(mkdtempSync(join(tmpdir(), "tulle-store-")), "mesh");
    mkdirSync(join(root, "sub"), { recursive: true });
    // Polling would take an hour.
    const store = new FolderStore({
      paths: [root],
      clock: systemClock,
      log: silentLog,
      settleMs: 5,
      pollMs: 3_600_000,
    });
    const until = (wanted: string): Promise<void> =>
      new Promise((resolve) => {
        store.watch((s) => {
          if (names(s).join() === wanted) resolve();
        });
      });
    writeFileSync(join(root, "a.yaml"), workload("a"));
    await until("a");
    writeFileSync(join(root, "sub", "b.yaml"), workload("b"));
    await until("a,b");
    rmSync(join(root, "a.yaml"));
    await until("b");
    store.close();
    rmSync(join(root, ".."), { recursive: true });
  });
});

describe("what a change leaves as it was", () => {
  const mesh = (policy: string): string =>
    `{apiVersion: tulle.dev/v1, kind: Mesh, metadata: {name: m}, spec: {h2UpgradePolicy: ${policy}}}`;
  const rules = (host: string, timeout: string): string =>
    `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: ${host}}, spec: {hosts: [${host}], http: [{timeout: ${timeout}, route: [{destination: {host: ${host}}}]}]}}`;

  test("is the same value: no document of another file is read again", () => {
    const store = new MemoryStore({
      "a.yaml": rules("a", "1s"),
      "b.yaml": rules("b", "1s"),
      "m.yaml": mesh("UPGRADE"),
    });
    const before = store.current.mesh.virtualServices;
    store.write("b.yaml", rules("b", "2s"));
    const after = store.current.mesh.virtualServices;
    expect(after[0]).toBe(before[0] as NonNullable<(typeof before)[0]>);
    expect(after[1]).not.toEqual(before[1] as NonNullable<(typeof before)[0]>);
    store.write("m.yaml", mesh("DO_NOT_UPGRADE"));
    expect(store.current.mesh.settings.h2UpgradePolicy).toBe("DO_NOT_UPGRADE");
  });

  test("does not hold the settings of a Mesh document that is gone, and holds those of one that is half written", () => {
    const store = new MemoryStore({ "a.yaml": rules("a", "1s"), "m.yaml": mesh("UPGRADE") });
    const policy = (): string => store.current.mesh.settings.h2UpgradePolicy;
    store.write("m.yaml", `${mesh("UPGRADE").slice(0, -20)}`);
    expect(policy()).toBe("UPGRADE");
    store.write("m.yaml", mesh("NEVER"));
    expect(policy()).toBe("UPGRADE");
    store.remove("m.yaml");
    expect(policy()).toBe("DO_NOT_UPGRADE");
  });
});
