/**
 * What may follow a chunk's size on its line (RFC 9112 §7.1.1): `*( BWS ";" BWS name [ BWS "=" BWS value ] )`, a byte
 * at a time. The framing of a body travels as it came, so this is stricter than Envoy, which drops extensions: a lone
 * `;` or a word without one is refused. White space at the end of the line is forgiven, as Envoy does; old servers pad sizes.
 *
 * @module
 */
import { CHAR, SP, TAB, TOKEN, VALUE } from "./chars.ts";

export type ExtensionState =
  | "between"
  | "beforeName"
  | "name"
  | "afterName"
  | "beforeValue"
  | "value"
  | "quoted"
  | "escaped";

/** The state behind a chunk's size. */
export const EXTENSION_START: ExtensionState = "between";

/** Whether the line may end here. */
export function mayEnd(state: ExtensionState): boolean {
  return state === "between" || state === "name" || state === "afterName" || state === "value";
}

/** The state behind byte `c`, which is not CR; undefined when it may not stand there. */
export function afterByte(state: ExtensionState, c: number): ExtensionState | undefined {
  switch (state) {
    case "between":
      return isSpace(c) ? state : c === SEMICOLON ? "beforeName" : undefined;
    case "beforeName":
      return isSpace(c) ? state : isToken(c) ? "name" : undefined;
    case "name":
    case "afterName":
      return isSpace(c) ? "afterName" : afterNameByte(state, c);
    case "beforeValue":
      return isSpace(c) ? state : c === QUOTE ? "quoted" : isToken(c) ? "value" : undefined;
    case "value":
      return isToken(c) ? state : isSpace(c) ? "between" : c === SEMICOLON ? "beforeName" : undefined;
    case "quoted":
      if (c === QUOTE) return "between";
      return c === BACKSLASH ? "escaped" : isText(c) ? state : undefined;
    case "escaped":
      return isText(c) ? "quoted" : undefined;
  }
}

function afterNameByte(state: "name" | "afterName", c: number): ExtensionState | undefined {
  if (c === SEMICOLON) return "beforeName";
  if (c === EQUALS) return "beforeValue";
  return state === "name" && isToken(c) ? state : undefined;
}

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const isSpace = (c: number): boolean => c === SP || c === TAB;
const isToken = (c: number): boolean => ((CHAR[c] as number) & TOKEN) !== 0;
const isText = (c: number): boolean => ((CHAR[c] as number) & VALUE) !== 0;
