import { expect, test } from "bun:test";
import { parseIp } from "../../base/ip-address.ts";
import { isLoopback } from "./cidr.ts";

test("loopback is told apart", () => {
  const loopback = (text: string) => isLoopback(parseIp(text) ?? new Uint8Array(4));
  expect([loopback("127.9.9.9"), loopback("::1"), loopback("::ffff:127.0.0.1")]).toEqual([true, true, true]);
  expect([loopback("128.0.0.1"), loopback("::2"), loopback("::")]).toEqual([false, false, false]);
});
