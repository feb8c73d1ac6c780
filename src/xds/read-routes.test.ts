import { describe, expect, test } from "bun:test";
import { Dice } from "../../tests/support/fuzz.ts";
import { seededRandom } from "../base/random.ts";
import { RouteConfiguration, type VirtualHost } from "./proto/route.ts";
import { readRoutes } from "./read-routes.ts";
import { type AnyMessage, unpack } from "./types/any.ts";
import { decode, encode } from "./types/codec.ts";

const host = (name: string, cluster: string): VirtualHost => ({
  name,
  domains: [name],
  routes: [{ match: { prefix: "/" }, route: { cluster } }],
});
/** As it comes in: bytes that nobody has read. */
const sent = (message: RouteConfiguration): AnyMessage => ({
  typeUrl: RouteConfiguration.typeUrl,
  bytes: encode(RouteConfiguration, message),
});

describe("routes that are read again", () => {
  const first = readRoutes(sent({ name: "r", virtualHosts: [host("a", "1"), host("b", "1")] }), undefined);

  test("have the former hosts, wherever they stand, but for those that changed", () => {
    const next = readRoutes(sent({ name: "r", virtualHosts: [host("c", "1"), host("b", "1"), host("a", "2")] }), first);
    expect(next.virtualHosts?.[1]).toBe(first.virtualHosts?.[1] as VirtualHost);
    expect(next).toEqual({ name: "r", virtualHosts: [host("c", "1"), host("b", "1"), host("a", "2")] });
  });

  test("are wrong at the same place as if they were read as a whole", () => {
    const { bytes } = sent({ name: "r", virtualHosts: [host("a", "1"), { name: "b", domains: ["bbbb"] }] });
    const at = Buffer.from(bytes).indexOf("bbbb");
    bytes[at] = 0xff;
    const any = { typeUrl: RouteConfiguration.typeUrl, bytes };
    const error = (read: () => unknown): string => {
      try {
        read();
      } catch (caught) {
        return String(caught);
      }
      return "none";
    };
    const told = error(() => readRoutes(any, first));
    expect(told).toContain("virtual_hosts[1]");
    expect(told).toBe(error(() => unpack({ ...any }, RouteConfiguration)));
  });

  const seed = Number(process.env["TULLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  test(`are what they would be without (TULLE_SEED=${seed})`, () => {
    console.log(`routes that are read again: TULLE_SEED=${seed}`);
    const dice = new Dice(seededRandom(seed));
    let before: RouteConfiguration | undefined;
    for (let step = 0; step < 200; step++) {
      const names = ["a", "b", "c", "d", "e"].filter(() => dice.one(2));
      const any = sent({
        name: "r",
        virtualHosts: names.map((name) => host(name, dice.of(["1", "2"]))),
        ignorePortInHostMatching: dice.one(2),
      });
      before = readRoutes(any, before);
      expect(before, `seed ${seed}, step ${step}`).toEqual(decode(RouteConfiguration, any.bytes));
      expect(unpack(any, RouteConfiguration)).toBe(before);
    }
  });
});
