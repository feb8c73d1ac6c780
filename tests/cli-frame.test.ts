/**
 * The frame of `tulle`: commands are found, mistakes are answered, codes are honest.
 */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { COMMANDS } from "../src/cli/command-list.ts";
import { CliError, usageError } from "../src/cli/context.ts";
import { failed } from "../src/cli/failed.ts";
import { paintFor, wantsColor } from "../src/cli/paint.ts";
import { runCli } from "./support/cli-context.ts";

const main = join(import.meta.dir, "../src/cli/main.ts");

function spawn(args: readonly string[], env: Record<string, string> = {}) {
  const done = Bun.spawnSync([process.execPath, main, ...args], { env: { PATH: process.env["PATH"] ?? "", ...env } });
  return { code: done.exitCode, out: done.stdout.toString(), err: done.stderr.toString() };
}

describe("the frame", () => {
  test("help names every command and says what it is for", async () => {
    const { code, out } = await runCli(["help"]);
    expect(code).toBe(0);
    for (const { name, description } of COMMANDS) {
      expect(out).toContain(`  ${name} `);
      expect(out.replace(/\s+/g, " ")).toContain(description);
    }
  });

  test("without a command the same goes to standard error, as wrong usage", async () => {
    const ended = await runCli([]);
    expect(ended.code).toBe(2);
    expect(ended.out).toBe("");
    expect(ended.err).toContain("Usage: tulle");
  });

  test.each([["validat"], ["help validat"]])("a mistyped command is guessed (%s)", async (line) => {
    const { code, err } = await runCli(line.split(" "));
    expect(code).toBe(2);
    expect(err).toContain("unknown command 'validat'\n(Did you mean validate?)");
  });

  test.each([
    [["validate"], "missing required argument 'paths'"],
    [["validate", "--strikt", "x"], "(Did you mean --strict?)"],
    [["validate", "-o", "yaml", "x"], "Allowed choices are text, json"],
  ])("%j is wrong usage", async (args, message) => {
    const { code, err, out } = await runCli(args);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(out).toBe("");
  });

  test("help of a command has its options and its exit codes", async () => {
    for (const args of [
      ["help", "validate"],
      ["validate", "--help"],
    ]) {
      const { code, out } = await runCli(args);
      expect(code).toBe(0);
      expect(out).toContain("--strict");
      expect(out).toContain("79 errors were found");
    }
  });

  test("an error that was foreseen has no stack, one that was not has", () => {
    const said: string[] = [];
    const context = { err: (text: string) => void said.push(text), paint: paintFor(false) };
    expect(failed(new CliError("no such port"), context)).toBe(1);
    expect(failed(usageError("no such option"), context)).toBe(2);
    expect(failed(new TypeError("x is undefined"), context)).toBe(1);
    expect(said[0]).toBe("error: no such port\n");
    expect(said[2]).toMatch(/TypeError: x is undefined\n\s+at /);
  });
});

describe("colours", () => {
  test("only on a terminal that takes them, and not where NO_COLOR asks for none", () => {
    expect(wantsColor(true, {})).toBe(true);
    expect(wantsColor(true, { NO_COLOR: "" })).toBe(true);
    expect(wantsColor(true, { NO_COLOR: "1" })).toBe(false);
    expect(wantsColor(true, { TERM: "dumb" })).toBe(false);
    expect(wantsColor(false, {})).toBe(false);
    expect(paintFor(true).red("a")).toBe("\u001b[31ma\u001b[39m");
    expect(paintFor(false).red("a")).toBe("a");
  });
});

describe("the process", () => {
  test("says its version, and ends with the command's code", () => {
    expect(spawn(["--version"])).toMatchObject({ code: 0, out: expect.stringMatching(/^tulle \d+\.\d+\.\d+ \(Bun /) });
    expect(spawn(["validate", "/nowhere"]).code).toBe(1);
    expect(spawn(["no-such-command"]).code).toBe(2);
  });

  test.each([["proxy"], ["validate"]])("refuses to run %s where certificates would not be checked", (command) => {
    const { code, err } = spawn([command, "."], { NODE_TLS_REJECT_UNAUTHORIZED: "0" });
    expect(code).toBe(1);
    expect(err).toStartWith("error: NODE_TLS_REJECT_UNAUTHORIZED=0 is set: it turns off the check of certificates");
    expect(err).not.toContain("SECURITY");
  });

  test("loads the reader of command lines for no proxy", () => {
    const script = (command: string): string =>
      `process.argv = ["bun", "tulle", "${command}", "--help"]; await import(${JSON.stringify(main)}); console.log(Object.keys(require.cache).some((f) => f.includes("/commander/"))); process.exit(0);`;
    const loads = (command: string): string | undefined =>
      Bun.spawnSync([process.execPath, "-e", script(command)])
        .stdout.toString()
        .trim()
        .split("\n")
        .at(-1);
    expect(loads("proxy")).toBe("false");
    expect(loads("validate")).toBe("true");
  });
});
