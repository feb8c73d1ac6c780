import { describe, expect, test } from "bun:test";
import { formatIp, parseIp } from "./ip-address.ts";

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

  test("are written in their shortest form", () => {
    const again = (text: string) => formatIp(parseIp(text) ?? new Uint8Array(0));
    for (const text of ["0.0.0.0", "10.1.2.3", "::", "::1", "1::", "2001:db8::7", "1:0:2::3", "1:2:3:4:5:6:7:8"])
      expect(again(text)).toBe(text);
    expect(again("2001:DB8:0:0:1:0:0:1")).toBe("2001:db8::1:0:0:1");
    expect(again("1:0:3:4:5:6:7:8")).toBe("1:0:3:4:5:6:7:8");
    expect(again("::ffff:192.0.2.1")).toBe("192.0.2.1");
    expect(formatIp(Uint8Array.from([...Array.from({ length: 10 }, () => 0), 255, 255, 192, 0, 2, 1]))).toBe(
      "192.0.2.1",
    );
  });
});
