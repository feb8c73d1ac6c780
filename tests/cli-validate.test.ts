/**
 * `tulle validate`: problems at their places, hints, a summary and the code.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../src/base/random.ts";
import { loadDocuments } from "../src/config/load.ts";
import { readFiles } from "../src/config/read-folder.ts";
import { runCli } from "./support/cli-context.ts";

const folder = mkdtempSync(join(tmpdir(), "tulle-validate-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  ports: [{name: http, port: 80}]\n";
const routes = (name: string, host: string): string =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: ${name}}\nspec:\n  hosts: [a]\n  http:\n  - route: [{destination: {host: ${host}}}]\n`;
const good = file("good.yaml", `${service}---\n${routes("a", "a")}`);
const bad = file(
  "bad.yaml",
  `${service}---\n${routes("a", "b")}---\n${routes("c", "a").replace("a}}", "a}, wieght: 1}")}`,
);
const warned = file("warned.yaml", service.replace("name: http, ", ""));

describe("tulle validate", () => {
  test("says so when all is well", async () => {
    expect(await runCli(["validate", good])).toEqual({ code: 0, out: "2 documents in 1 file: no problems\n", err: "" });
    const { code, out } = await runCli(["validate", join(import.meta.dir, "../examples/bookinfo")]);
    expect(out).toEndWith(" files: no problems\n");
    expect(code).toBe(0);
  });

  test("prints a line for each problem, of one document and of several together, with hints", async () => {
    const { code, out, err } = await runCli(["validate", bad]);
    expect(code).toBe(79);
    expect(err).toBe("");
    const lines = out.trim().split("\n");
    expect(lines.filter((l) => !l.startsWith("    "))).toEqual([
      expect.stringMatching(
        /bad\.yaml:13:34 spec\.http\[0\]\.route\[0\]\.destination\.host: no Service has the host .*\[IST0101\]$/,
      ),
      expect.stringMatching(
        /bad\.yaml:21:38 spec\.http\[0\]\.route\[0\]\.wieght: unknown field "wieght"; did you mean "weight"\?$/,
      ),
      "3 documents in 1 file: 2 errors, 0 warnings",
    ]);
    expect(lines.filter((l) => l.startsWith("    "))).toHaveLength(1);
    expect((await runCli(["validate", "--no-hints", bad])).out).not.toContain("\n    ");
  });

  test("warnings are no errors, unless it is to be strict", async () => {
    const { code, out } = await runCli(["validate", warned]);
    expect(out).toContain(":5:11 spec.ports[0]: warning: has no name or appProtocol");
    expect(out).toEndWith("1 document in 1 file: no errors, 1 warning\n");
    expect(code).toBe(0);
    expect((await runCli(["validate", "--strict", warned])).code).toBe(79);
    expect((await runCli(["validate", "--strict", good])).code).toBe(0);
  });

  test("a path that cannot be read fails the check, and the others are checked all the same", async () => {
    const { code, out } = await runCli(["validate", join(folder, "none"), good]);
    expect(code).toBe(1);
    expect(out).toContain("none:1:1 cannot be read");
    expect(out).toContain("2 documents in 1 file");
  });

  test("documents of several paths are one mesh", async () => {
    const only = file("routes.yaml", routes("a", "a"));
    expect((await runCli(["validate", only])).code).toBe(79);
    expect((await runCli(["validate", only, file("service.yaml", service)])).code).toBe(0);
  });

  test("the same as JSON", async () => {
    const { code, out } = await runCli(["validate", "-o", "json", bad]);
    expect(code).toBe(79);
    const said = JSON.parse(out) as Record<string, unknown>;
    expect(said).toMatchObject({
      errors: 2,
      warnings: 0,
      files: 1,
      documents: [
        { kind: "Service", namespace: "default", name: "a", status: "applied", file: bad, line: 1 },
        { kind: "VirtualService", name: "a", status: "applied", line: 7 },
        { kind: "VirtualService", name: "c", status: "refused" },
      ],
      problems: [
        { severity: "error", line: 13, hint: expect.stringContaining("typing error") },
        {
          severity: "error",
          file: bad,
          line: 21,
          column: 38,
          path: "spec.http[0].route[0].wieght",
          message: expect.stringContaining("unknown field"),
        },
      ],
    });
  });
});

/** Valid documents, hurt at random: nothing crashes, and every error names a place in a file. */
describe("mutations", () => {
  const seed = Number(process.env["TULLE_SEED"] ?? 20_261_123);
  const random = seededRandom(seed);
  const pick = (n: number): number => Math.floor(random() * n);
  const { files } = readFiles([join(import.meta.dir, "../examples/bookinfo")]);

  const NOISE = [
    "{",
    "]",
    ":",
    "- ",
    "\n",
    "  ",
    '"',
    "&a ",
    "*a",
    "!!int ",
    "null",
    "-1",
    "1e99",
    "\u0000",
    "é",
    "spec:",
    "#",
    "|",
  ];

  function mutate(text: string): string {
    const lines = text.split("\n");
    const at = pick(lines.length);
    const line = lines[at] ?? "";
    const column = pick(line.length + 1);
    switch (pick(6)) {
      case 0:
        lines.splice(at, 1);
        break;
      case 1:
        lines.splice(at, 0, lines[pick(lines.length)] ?? "");
        break;
      case 2:
        lines[at] = line.slice(0, column) + line.slice(column + 1);
        break;
      case 3:
        lines[at] = line.slice(0, column) + (NOISE[pick(NOISE.length)] ?? "") + line.slice(column);
        break;
      case 4:
        lines[at] = line.replace(/: .*/, `: ${NOISE[pick(NOISE.length)]}`);
        break;
      default:
        lines[at] = `${" ".repeat(pick(5))}${line.trimStart()}`;
    }
    return lines.join("\n");
  }

  test(`1000 mutations name their places (seed ${seed})`, async () => {
    let refused = 0;
    for (let i = 0; i < 1000; i++) {
      const which = pick(files.length);
      const path = file("mutated.yaml", mutate(files[which]?.text ?? ""));
      const { code, out, err } = await runCli(["validate", "-o", "json", path]);
      expect(err).toBe("");
      const said = JSON.parse(out) as {
        errors: number;
        problems: { file: string; line: number; column: number; message: string }[];
      };
      expect(code).toBe(said.errors > 0 ? 79 : 0);
      const lines = (await Bun.file(path).text()).split("\n").length;
      for (const p of said.problems) {
        expect(p.file).toBe(path);
        expect(p.line).toBeWithin(1, lines + 1);
        expect(p.column).toBeGreaterThanOrEqual(1);
        expect(p.message).not.toBe("");
      }
      const loaded = loadDocuments([{ file: path, text: await Bun.file(path).text() }]);
      if (loaded.problems.some((p) => p.severity === "error")) refused++;
    }
    expect(refused).toBeGreaterThan(200);
  });
});
