/**
 * Holds the rooms of docs/ARCHITECTURE.md: imports go one way, and what belongs to one room is not used in another.
 */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";

/** A room may import itself and the rooms on its row. Rows only name rooms above them, so a cycle cannot be written. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  model: ["base"],
  telemetry: ["base"],
  wire: ["base"],
  net: ["base"],
  identity: ["base", "model"],
  config: ["base", "model"],
  store: ["base", "model", "config"],
  xds: ["base", "model", "telemetry", "wire", "net"],
  translate: ["base", "model", "xds"],
  engine: ["base", "model", "xds"],
  proxy: ["base", "telemetry", "wire", "net", "identity", "xds", "engine"],
  kube: ["base", "model", "config", "store"],
  admin: ["base", "model", "telemetry", "net", "store", "xds"],
  app: [
    "base",
    "model",
    "telemetry",
    "wire",
    "net",
    "identity",
    "config",
    "store",
    "xds",
    "translate",
    "engine",
    "proxy",
    "kube",
    "admin",
  ],
  cli: ["base", "model", "config", "translate", "engine", "admin", "app"],
};

/** Rooms that may take only the shapes of another: no I/O reaches them through the back door. */
const ONLY_PATHS: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  translate: { xds: /^xds\/(types|proto)\// },
  engine: { xds: /^xds\/(types|proto)\// },
};

const FORBIDDEN: readonly { readonly pattern: RegExp; readonly allowed: RegExp; readonly why: string }[] = [
  {
    pattern: /\b(Date\.now|performance\.now|setTimeout|setInterval|setImmediate)\(/,
    allowed: /^base\/clock\.ts$/,
    why: "take a Clock: tests must not wait",
  },
  { pattern: /\bMath\.random\b/, allowed: /^base\/random\.ts$/, why: "take a Random: tests must repeat" },
  {
    pattern: /from "node:(net|tls|dgram|http|https|http2)"|\bBun\.(listen|connect|serve|udpSocket)\b/,
    allowed: /^net\//,
    why: "sockets live in net/, which has an in-memory twin",
  },
  { pattern: /\bprocess\.env\b/, allowed: /^(app|cli)\//, why: "configuration is passed in, not looked up" },
];

function problemsIn(root: string): string[] {
  const found: string[] = [];
  for (const file of readdirSync(root, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
    const path = file.split(sep).join("/");
    const room = path.split("/")[0] ?? "";
    const text = readFileSync(join(root, file), "utf8");
    found.push(...wrongImports(path, room, text));
    for (const { pattern, allowed, why } of FORBIDDEN) {
      const hit = pattern.exec(text);
      if (hit && !allowed.test(path)) found.push(`${path} uses ${hit[0]}: ${why}`);
    }
  }
  return found.sort();
}

function wrongImports(path: string, room: string, text: string): string[] {
  if (!(room in MAY_IMPORT)) return [`${path}: ${room}/ is not a room`];
  const found: string[] = [];
  for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?"((?:\.\.?\/)[^"]*)"/g)) {
    const target = join(path, "..", specifier ?? "")
      .split(sep)
      .join("/");
    const other = target.split("/")[0] ?? "";
    if (other === room) continue;
    if (!MAY_IMPORT[room]?.includes(other)) found.push(`${path} imports ${target}: ${room}/ may not import ${other}/`);
    const only = ONLY_PATHS[room]?.[other];
    if (only && !only.test(target)) found.push(`${path} imports ${target}: ${room}/ may take only ${only.source}`);
  }
  return found;
}

describe("layering", () => {
  test("rows only name rooms above them", () => {
    const rooms = Object.keys(MAY_IMPORT);
    for (const [room, row] of Object.entries(MAY_IMPORT))
      for (const other of row) expect(rooms.indexOf(other), `${room} -> ${other}`).toBeLessThan(rooms.indexOf(room));
  });

  test("src/ has no import upwards and no forbidden global", () => {
    expect(problemsIn("src")).toEqual([]);
  });

  test("planted faults are found", () => {
    const root = mkdtempSync(join(tmpdir(), "tulle-layering-"));
    try {
      for (const room of ["wire", "proxy", "engine"]) mkdirSync(join(root, room));
      writeFileSync(join(root, "wire", "a.ts"), 'import { p } from "../proxy/p.ts";\n');
      writeFileSync(join(root, "proxy", "p.ts"), 'const t = Date.now();\nimport "node:fs";\nconst l = Bun.listen;\n');
      writeFileSync(
        join(root, "engine", "e.ts"),
        'import { s } from "../xds/server.ts";\nawait import("../app/x.ts");\n',
      );
      expect(problemsIn(root)).toEqual([
        "engine/e.ts imports app/x.ts: engine/ may not import app/",
        "engine/e.ts imports xds/server.ts: engine/ may take only ^xds\\/(types|proto)\\/",
        "proxy/p.ts uses Bun.listen: sockets live in net/, which has an in-memory twin",
        "proxy/p.ts uses Date.now(: take a Clock: tests must not wait",
        "wire/a.ts imports proxy/p.ts: wire/ may not import proxy/",
      ]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
