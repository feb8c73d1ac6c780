import { expect, test } from "bun:test";
import { type CaptureRules, captureRules, undoRules } from "./ruleset.ts";

const RULES: CaptureRules = {
  outboundPort: 15_001,
  inboundPort: 15_006,
  excludedPorts: [],
  leftAlone: [{ by: "gid", value: 1337 }],
};

/** The rules of a chain, in order. */
function chain(text: string, family: "ip" | "ip6", name: string): readonly string[] {
  const table = text.split(`table ${family} tulle_capture {\n`)[1]?.split("\n}\n")[0] ?? "";
  const lines = table.split(`chain ${name} {\n`)[1]?.split("\n  }")[0]?.trimEnd().split("\n") ?? [];
  return lines.map((line) => line.trim());
}

test("calls out and in are led to the proxy, but its own", () => {
  const text = captureRules(RULES);
  expect(chain(text, "ip", "output")).toEqual([
    "type nat hook output priority -100; policy accept;",
    "ip saddr 127.0.0.6 return",
    'oifname "lo" ip daddr != 127.0.0.0/8 meta skgid 1337 meta l4proto tcp redirect to :15006',
    "meta skgid 1337 return",
    "ip daddr 127.0.0.0/8 return",
    "meta l4proto tcp redirect to :15001",
  ]);
  expect(chain(text, "ip", "prerouting")).toEqual([
    "type nat hook prerouting priority -100; policy accept;",
    "fib daddr type != local return",
    "tcp dport { 15020 } return",
    "meta l4proto tcp redirect to :15006",
  ]);
});

test("IPv6 is refused, but the proxy's and what is excluded", () => {
  const text = captureRules({ ...RULES, excludedPorts: [22] });
  expect(chain(text, "ip6", "output").slice(1)).toEqual([
    'oifname "lo" accept',
    "tcp dport { 22 } accept",
    "meta skgid 1337 accept",
    "ct state established,related accept",
    "meta l4proto tcp reject with tcp reset",
  ]);
  expect(chain(text, "ip6", "input")[2]).toBe("tcp dport { 15020, 22 } accept");
});

test("the proxy is known by user, group or mark, and ports can be chosen and excluded", () => {
  const text = captureRules({
    outboundPort: 1,
    inboundPort: 2,
    excludedPorts: [22, 5432, 22],
    leftAlone: [
      { by: "uid", value: 7 },
      { by: "gid", value: 8 },
      { by: "mark", value: 9 },
    ],
  });
  const output = chain(text, "ip", "output");
  expect(output).toContain("tcp dport { 22, 5432 } return");
  for (const who of ["meta skuid 7", "meta skgid 8", "meta mark 9"]) {
    expect(output).toContain(`${who} return`);
    expect(output).toContain(`oifname "lo" ip daddr != 127.0.0.0/8 ${who} meta l4proto tcp redirect to :2`);
  }
  expect(output.at(-1)).toBe("meta l4proto tcp redirect to :1");
  expect(chain(text, "ip", "prerouting")).toContain("tcp dport { 15020, 22, 5432 } return");
});

test("what was there goes first, so twice is as once", () => {
  expect(captureRules(RULES)).toStartWith(undoRules());
  expect(undoRules()).toBe(
    "table ip tulle_capture\ndelete table ip tulle_capture\ntable ip6 tulle_capture\ndelete table ip6 tulle_capture\n",
  );
});
