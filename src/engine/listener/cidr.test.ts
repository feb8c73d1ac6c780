import { describe, expect, test } from "bun:test";
import { isLoopback, parseIp } from "./cidr.ts";

const hex = (text: string) => {
  const ip = parseIp(text);
  return ip === undefined ? undefined : Buffer.from(ip).toString("hex");
};

describe("IP addresses", () => {
  test("are read", () => {
    expect(hex("10.0.0.255")).toBe("0a0000ff");
    expect(hex("::")).toBe("0".repeat(32));
    expect(hex("::1")).toBe(`${"0".repeat(31)}1`);
    expect(hex("2001:db8::7")).toBe("20010db8000000000000000000000007");
    expect(hex("1:2:3:4:5:6:7:8")).toBe("00010002000300040005000600070008");
    expect(hex("64:ff9b::192.0.2.33")).toBe("0064ff9b0000000000000000c0000221");
    expect(hex("::FFFF:192.0.2.1")).toBe("c0000201");
  });

  test("and what is none is not", () => {
    for (const text of [
      "",
      "1.2.3",
      "1.2.3.256",
      "1.2.3.04",
      "1.2.3.4.5",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1::2::3",
      ":::",
      ":1:2:3:4:5:6:7:8",
      "12345::",
      "fe80::1%eth0",
      "1.2.3.4::",
      "1:2:3:4:5:6:7::8:9",
      "localhost",
    ])
      expect(hex(text), text).toBeUndefined();
  });

  test("loopback is told apart", () => {
    const loopback = (text: string) => isLoopback(parseIp(text) ?? new Uint8Array(4));
    expect([loopback("127.9.9.9"), loopback("::1"), loopback("::ffff:127.0.0.1")]).toEqual([true, true, true]);
    expect([loopback("128.0.0.1"), loopback("::2"), loopback("::")]).toEqual([false, false, false]);
  });
});
