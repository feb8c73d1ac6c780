/**
 * Generates `match` of http rules.
 *
 * @module
 */
import { type Chance, compact } from "./chance.ts";
import type { MatchSpec, Text, Texts } from "./spec.ts";
import { HEADERS, METHODS, PATHS, pathText, QUERIES, VALUES, valueText } from "./vocabulary.ts";

export function matchOf(chance: Chance, inMesh = true): MatchSpec {
  const uri = chance.maybe(0.7, () => pathText(chance.int(0, 2), chance.one(PATHS), chance.int(0, 9)));
  return compact<MatchSpec>({
    ...(chance.often(0.1) ? { name: chance.one(["m1", "m2"]) } : {}),
    ...(uri === undefined ? {} : { uri }),
    ...(uri !== undefined && uri.regex === undefined && chance.often(0.15) ? { ignoreUriCase: true } : {}),
    ...(chance.often(0.12) ? { method: methodText(chance) } : {}),
    ...(chance.often(0.06)
      ? { authority: chance.one([{ prefix: "HOST" }, { prefix: "HOST.default" }, { regex: "HOST.*" }]) }
      : {}),
    ...(chance.often(0.05) ? { scheme: { exact: chance.one(["http", "https"]) } } : {}),
    ...(chance.often(0.3) ? { headers: texts(chance, HEADERS) } : {}),
    ...(chance.often(0.12) ? { withoutHeaders: texts(chance, HEADERS) } : {}),
    ...(chance.often(0.15) ? { queryParams: queryTexts(chance) } : {}),
    ...(chance.often(0.06) ? { port: chance.one([80, 8080, 9999]) } : {}),
    ...(inMesh && chance.often(0.06) ? source(chance) : {}),
    ...(inMesh && chance.often(0.04) ? { gateways: chance.one([["mesh"], ["none"], ["none", "mesh"]]) } : {}),
  });
}

const methodText = (chance: Chance): Text =>
  chance.one([{ exact: chance.one(METHODS) }, { regex: "GET|POST" }, { prefix: "P" }]);

const texts = (chance: Chance, names: readonly string[]): Texts =>
  Object.fromEntries(
    chance.some(names, 1, 2).map((name) => {
      const present = chance.often(0.25);
      return [name, present ? {} : notEmpty(valueText(chance.int(0, 2), chance.one(VALUES), chance.int(0, 9)))];
    }),
  );

/** Istio takes no empty prefix. */
const notEmpty = (text: Text): Text => (text.prefix === "" ? { prefix: "o" } : text);

const queryTexts = (chance: Chance): Texts =>
  Object.fromEntries(
    chance
      .some(QUERIES, 1, 2)
      .map((name) => [
        name,
        chance.often(0.2) ? {} : notEmpty(valueText(chance.int(0, 2), chance.one(VALUES), chance.int(0, 9))),
      ]),
  );

function source(chance: Chance): Partial<MatchSpec> {
  if (chance.often(0.4)) return { sourceNamespace: chance.one(["default", "other"]) };
  return {
    sourceLabels: chance.one([
      { app: "client" },
      { app: "client", version: "v2" },
      { version: "v1" },
      { app: "guest" },
      { app: "other" },
    ]),
  };
}
