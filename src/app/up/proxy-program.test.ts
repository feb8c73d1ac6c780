import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { proxyEnvironment } from "./proxy-program.ts";

test("a proxy of `up` runs as one of the launcher does", () => {
  const launcher = readFileSync(join(import.meta.dir, "../../../tulle"), "utf8");
  for (const [name, value] of Object.entries(proxyEnvironment({})))
    expect(launcher).toContain(`export ${name}="\${${name}:-${value}}"`);
});

test("who sets it otherwise is heard", () => {
  expect(proxyEnvironment({ BUN_JSC_thresholdForFTLOptimizeAfterWarmUp: "64000", PATH: "/bin" })).toEqual({
    BUN_JSC_thresholdForFTLOptimizeAfterWarmUp: "64000",
    PATH: "/bin",
  });
});
