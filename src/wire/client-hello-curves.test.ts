import { expect, test } from "bun:test";
import { clientHello } from "../../tests/support/client-hello.ts";
import { offeredCurves } from "./client-hello-curves.ts";

const extension = (type: number, ...body: readonly number[]): readonly number[] => [0, type, 0, body.length, ...body];
const listed = (...numbers: readonly number[]): readonly number[] => [
  0,
  numbers.length * 2,
  ...numbers.flatMap((n) => [n >> 8, n & 0xff]),
];

function hello(version: number, suites: readonly number[], ...extensions: readonly (readonly number[])[]): Uint8Array {
  const after = extensions.flat();
  const body = [
    version >> 8,
    version & 0xff,
    ...new Uint8Array(32),
    0,
    ...listed(...suites),
    1,
    0,
    after.length >> 8,
    after.length & 0xff,
    ...after,
  ];
  const message = [1, 0, body.length >> 8, body.length & 0xff, ...body];
  return Uint8Array.from([22, 3, 1, message.length >> 8, message.length & 0xff, ...message]);
}

const GROUPS = extension(10, ...listed(29, 23, 24));
const SCHEMES = extension(13, ...listed(0x0804, 0x0503, 0x0603));
const VERSIONS = extension(43, 2, 3, 4);
const [ECDSA, RSA] = [0xc02b, 0xc02f];

test.each([
  [
    "signature schemes, where the client names its versions",
    0x0303,
    [ECDSA],
    [GROUPS, SCHEMES, VERSIONS],
    ["P-384", "P-521"],
  ],
  ["groups, where it names none", 0x0303, [RSA, ECDSA], [GROUPS, SCHEMES], ["P-256", "P-384"]],
  ["none, without a suite for them", 0x0303, [RSA], [GROUPS, SCHEMES], []],
  ["none, without groups", 0x0303, [ECDSA], [SCHEMES], []],
  ["none, where versions are named and schemes are not", 0x0303, [ECDSA], [GROUPS, VERSIONS], []],
  ["none, of a list whose length is not its own", 0x0303, [ECDSA], [extension(10, 0, 9, 0, 23)], []],
] as const)("%s", (_, version, suites, extensions, curves) => {
  expect(offeredCurves(hello(version, suites, ...extensions), "1.3")).toEqual([...curves]);
});

test("groups count where TLS 1.3 is not spoken", () => {
  expect(offeredCurves(hello(0x0303, [ECDSA], GROUPS, SCHEMES, VERSIONS), "1.2")).toEqual(["P-256", "P-384"]);
});

test("a hello cut short at any byte offers nothing, a whole one of a real client P-256", async () => {
  const whole = Buffer.from(await clientHello("a.test"), "latin1");
  expect(offeredCurves(whole, "1.3")).toContain("P-256");
  for (let length = 0; length < whole.length; length++)
    expect(offeredCurves(whole.subarray(0, length), "1.3")).toEqual([]);
});
