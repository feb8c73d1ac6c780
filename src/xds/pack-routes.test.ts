import { expect, test } from "bun:test";
import { Dice } from "../../tests/support/fuzz.ts";
import { seededRandom } from "../base/random.ts";
import { packRoutes } from "./pack-routes.ts";
import { RouteConfiguration, type VirtualHost } from "./proto/route.ts";
import { pack, unpack } from "./types/any.ts";

const seed = Number(process.env["TULLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

test(`bytes are those of an encoding as a whole, whatever stood where before (TULLE_SEED=${seed})`, () => {
  console.log(`packed routes: TULLE_SEED=${seed}`);
  const dice = new Dice(seededRandom(seed));
  const hosts = Array.from({ length: 40 }, (_, i): VirtualHost => {
    const domains = Array.from({ length: i }, (__, j) => `host-${i}-${j}.${"x".repeat(i * 3)}`);
    return { name: `${i}`, domains };
  });
  for (let step = 0; step < 100; step++) {
    const message: RouteConfiguration = {
      name: dice.of(["a", "b"]),
      virtualHosts: hosts.filter(() => dice.one(2)),
      validateClusters: dice.one(2) ? false : undefined,
      maxDirectResponseBodySizeBytes: dice.of([1, 1000]),
    };
    const any = packRoutes(message);
    expect(any, `seed ${seed}`).toEqual(pack(RouteConfiguration, message));
    expect(unpack(any, RouteConfiguration)).toBe(message);
  }
});

test("what cannot be encoded is told with its place", () => {
  const wrong: VirtualHost = { name: "\ud800" };
  const error = (make: () => unknown): string => {
    try {
      make();
    } catch (caught) {
      return String(caught);
    }
    return "none";
  };
  const message = { name: "r", virtualHosts: [{ name: "a" }, wrong] };
  expect(error(() => packRoutes(message))).toContain("virtual_hosts[1].name");
  expect(error(() => packRoutes(message))).toBe(error(() => pack(RouteConfiguration, message)));
});
