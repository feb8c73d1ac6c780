/**
 * Colours for people at a terminal; nothing anywhere else.
 *
 * @module
 */

type Brush = (text: string) => string;

export interface Paint {
  readonly bold: Brush;
  readonly dim: Brush;
  readonly red: Brush;
  readonly green: Brush;
  readonly yellow: Brush;
  readonly cyan: Brush;
}

const brush =
  (on: boolean, start: number, end: number): Brush =>
  (text) =>
    on && text !== "" ? `\u001b[${start}m${text}\u001b[${end}m` : text;

export const paintFor = (on: boolean): Paint => ({
  bold: brush(on, 1, 22),
  dim: brush(on, 2, 22),
  red: brush(on, 31, 39),
  green: brush(on, 32, 39),
  yellow: brush(on, 33, 39),
  cyan: brush(on, 36, 39),
});

/** Whether to colour: on a terminal, unless `NO_COLOR` (no-color.org) or a dumb terminal says otherwise. */
export const wantsColor = (isTerminal: boolean, environment: Readonly<Record<string, string | undefined>>): boolean =>
  isTerminal && (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb";
