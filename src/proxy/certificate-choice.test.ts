import { expect, test } from "bun:test";
import { clientHello } from "../../tests/support/client-hello.ts";
import { chooseCertificate, type ShownCertificate, shownCertificate } from "./certificate-choice.ts";

const of = (key: ShownCertificate["key"], ...names: readonly string[]): ShownCertificate => ({ key, names });
const ALL = [
  of("other", "other.test"),
  of("RSA", "both.test", ".wild.test"),
  of("P-256", "both.test", "curve.test", ".wild.test"),
  of("RSA", "a.wild.test"),
];
/** A client that takes P-256, and one of which nothing is known. */
const curves = Buffer.from(await clientHello("a.test"), "latin1");
const plain = new Uint8Array(0);

test.each([
  ["the curve before RSA, whatever their order", "both.test", curves, 2],
  ["RSA for who takes no curve", "both.test", plain, 1],
  ["the name itself before a wildcard", "a.wild.test", curves, 3],
  ["a wildcard", "b.wild.test", curves, 2],
  ["a wildcard for who takes no curve", "b.wild.test", plain, 1],
  ["no wildcard for two labels", "c.b.wild.test", curves, 0],
  ["the first for a name that none has", "none.test", curves, 0],
  ["the first for who can take none of that name", "curve.test", plain, 0],
  ["the first that it can take for who names nothing", undefined, curves, 2],
  ["RSA for who names nothing and takes no curve", undefined, plain, 1],
] as const)("%s", (_, sni, bytes, index) => {
  expect(chooseCertificate(ALL, { sni, bytes }, "1.3")).toBe(index);
});

test("a certificate that cannot be read has no name", () => {
  expect(shownCertificate("none")).toEqual({ names: [], key: "other" });
});
