import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { proxyEnvironment } from "./proxy-program.ts";

const NAME = "BUN_JSC_thresholdForFTLOptimizeAfterWarmUp";

test("a proxy of `up` compiles when one of the launcher does", () => {
  const launcher = readFileSync(join(import.meta.dir, "../../../tulle"), "utf8");
  expect(launcher).toContain(`export ${NAME}="\${${NAME}:-${proxyEnvironment({})[NAME]}}"`);
});

test("who sets it otherwise is heard", () => {
  expect(proxyEnvironment({ [NAME]: "64000", PATH: "/bin" })).toEqual({ [NAME]: "64000", PATH: "/bin" });
});
