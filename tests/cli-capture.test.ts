/** `tulle capture` as far as nothing is changed: what it prints, and what it refuses. */
import { expect, test } from "bun:test";
import { runCli } from "./support/cli-context.ts";

test("a dry run prints what nft would get", async () => {
  const { code, out } = await runCli(["capture", "--dry-run", "--uid", "101", "--exclude-ports", "22,5432"]);
  expect(code).toBe(0);
  expect(out).toContain("meta skuid 101 return\n");
  expect(out).not.toContain("1337");
  expect(out).toContain("tcp dport { 22, 5432 } return\n");
  expect((await runCli(["capture", "--dry-run"])).out).toContain("meta skgid 1337 return\n");
  expect((await runCli(["capture", "--dry-run", "--undo"])).out).not.toContain("redirect");
});

test("wrong usage is refused by name", async () => {
  const refused = async (...args: readonly string[]): Promise<string> => {
    const { code, err } = await runCli(["capture", "--dry-run", ...args]);
    expect(code).toBe(2);
    return err;
  };
  expect(await refused("--exclude-ports", "22,x")).toContain("whole number from 1 to 65535");
  expect(await refused("--outbound-port", "15006")).toContain("--inbound-port and --outbound-port must differ");
  expect(await refused("--netns", "-n")).toContain("ip netns list");
  expect(await refused("--netns", "../x")).toContain("ip netns list");
  expect(await refused("--uid", "root")).toContain("whole number");
});

test.skipIf(process.getuid?.() !== 0 || Bun.which("setpriv") === null)("without root it says what to do", () => {
  const program = [process.execPath, `${import.meta.dir}/../src/cli/main.ts`];
  const ended = Bun.spawnSync(["setpriv", "--reuid", "65534", "--clear-groups", ...program, "capture"], {
    env: { PATH: process.env["PATH"] },
  });
  expect(ended.exitCode).toBe(1);
  expect(ended.stderr.toString()).toContain("rules need root: run it with sudo");
});

test.skipIf(process.getuid?.() !== 0)("what is missing, or a namespace that is not there, is named", () => {
  const program = [process.execPath, `${import.meta.dir}/../src/cli/main.ts`, "capture", "--netns", "tulle-nowhere"];
  const alone = Bun.spawnSync(program, { env: { PATH: "/nowhere" } });
  expect([alone.exitCode, alone.stderr.toString()]).toEqual([
    1,
    "error: the program ip is not there: install it (package iproute2)\n",
  ]);
  if (Bun.which("ip") === null || Bun.which("nft") === null) return;
  const ended = Bun.spawnSync(program);
  expect(ended.exitCode).toBe(1);
  expect(ended.stderr.toString()).toContain("nft does not take the rules in the network namespace tulle-nowhere");
});
