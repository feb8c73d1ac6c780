import { expect, test } from "bun:test";
import type { CorsPolicy } from "../model/virtual-service.ts";
import { CorsPolicy as EnvoyCorsPolicy } from "../xds/proto/filter-cors.ts";
import { unpack } from "../xds/types/any.ts";
import { corsConfig } from "./cors.ts";

const configOf = (policy: Partial<CorsPolicy>): EnvoyCorsPolicy => {
  const [config] = Object.values(
    corsConfig({
      allowOrigins: [],
      allowMethods: [],
      allowHeaders: [],
      exposeHeaders: [],
      maxAgeSeconds: undefined,
      allowCredentials: undefined,
      forwardsUnmatched: false,
      ...policy,
    }),
  );
  if (config === undefined) throw new Error("no policy");
  return unpack(config, EnvoyCorsPolicy);
};

test("all that a policy says", () => {
  const found = configOf({
    allowOrigins: [{ t: "exact", value: "https://a.example.com" }],
    allowMethods: ["GET", "POST"],
    allowHeaders: ["x-a"],
    exposeHeaders: ["x-b", "x-c"],
    maxAgeSeconds: 0,
    allowCredentials: false,
    forwardsUnmatched: true,
  });
  expect(found).toMatchObject({
    allowOriginStringMatch: [{ exact: "https://a.example.com" }],
    allowMethods: "GET,POST",
    allowHeaders: "x-a",
    exposeHeaders: "x-b,x-c",
    maxAge: "0",
    allowCredentials: false,
    forwardNotMatchingPreflights: true,
  });
});

test("what it does not say is left to the filter", () => {
  const found = configOf({});
  for (const field of ["allowMethods", "allowHeaders", "exposeHeaders", "maxAge", "allowCredentials"] as const)
    expect(found[field] ?? undefined, field).toBeFalsy();
  expect(found.filterEnabled?.defaultValue).toMatchObject({ numerator: 100 });
});
